import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { CompactSign, exportSPKI, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { readUnverified, verifyIdToken } from "../../src/identity/id-token.ts";
import { Issuers } from "../../src/identity/issuers.ts";
import { discoveryPath, keysPath, newKey, startIssuer, type TestIssuer } from "./test-issuer.ts";

let issuer: TestIssuer;
let issuers: Issuers;
beforeEach(async () => {
  issuer = await startIssuer();
  issuers = new Issuers({ timeoutMs: 60_000 });
});
afterEach(() => {
  setSystemTime();
  issuer[Symbol.dispose]();
});

const verify = (token: string) => verifyIdToken(token, issuer.url, issuers, "any");
const refusal = async (token: string) => {
  try {
    await verify(token);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error("This token counts.");
};
const seconds = (ms: number) => Math.floor(ms / 1000);

describe("a job's token", () => {
  test("that its issuer has signed gives its claims", async () => {
    expect(await verify(await issuer.sign())).toMatchObject({ iss: issuer.url, repository: "acme/web" });
  });

  test.each(["RS384", "PS256", "ES256", "ES512", "EdDSA"])("may be signed with %s", async (alg) => {
    issuer.key = await newKey("k", alg);
    issuer.published = [issuer.key.publicJwk];
    expect(await verify(await issuer.sign())).toMatchObject({ repository: "acme/web" });
  });

  test("without a kid is verified with the only key there is", async () => {
    expect(await verify(await issuer.sign({ header: { kid: undefined } }))).toBeDefined();
    issuer.published.push((await newKey("second")).publicJwk);
    setSystemTime(Date.now() + 11 * 60_000);
    expect(await refusal(await issuer.sign({ header: { kid: undefined } }))).toMatchObject({
      code: "forbidden",
    });
  });

  test("that nobody has signed does not count", async () => {
    const claims = { iss: issuer.url, aud: "larder", repository: "acme/web" };
    const token = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime("5m").encode();
    expect(await refusal(token)).toMatchObject({ code: "forbidden" });
  });

  test("that was signed with the public key for a secret does not count", async () => {
    const publicKey = await importJWK(issuer.key.publicJwk, "RS256", { extractable: true });
    const secret = new TextEncoder().encode(await exportSPKI(publicKey as CryptoKey));
    const token = await new SignJWT({ iss: issuer.url, aud: "larder" })
      .setProtectedHeader({ alg: "HS256", kid: "first" })
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(secret);
    const { code, message } = await refusal(token);
    expect(code).toBe("forbidden");
    expect(message).toContain("has to be signed with one of RS256");
  });

  test("that another key has signed under the same name does not count", async () => {
    const forger = await newKey("first");
    issuer.key = forger;
    expect(await refusal(await issuer.sign())).toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("its signature is not its issuer's"),
    });
  });

  test("that brings its own key does not count", async () => {
    const forger = await newKey("forged");
    issuer.key = forger;
    const header = { jwk: forger.publicJwk, jku: `${issuer.url}/forged` };
    issuer.instead.set("/forged", () => Response.json({ keys: [forger.publicJwk] }));
    expect((await refusal(await issuer.sign({ header }))).message).toContain("its issuer has no such key");
    expect(issuer.asked.get("/forged")).toBeUndefined();
  });

  test("whose claims were changed after it was signed does not count", async () => {
    const [head, , signature] = (await issuer.sign()).split(".");
    const [, payload] = (await issuer.sign({ claims: { repository: "evil/web" } })).split(".");
    expect((await refusal(`${head}.${payload}.${signature}`)).code).toBe("forbidden");
  });

  test.each([
    ["expired", (now: number) => ({ exp: now - 61 }), "it has expired"],
    ["is not valid yet", (now: number) => ({ nbf: now + 90 }), "not valid yet"],
    ["comes from the future", (now: number) => ({ iat: now + 90, nbf: now }), "not valid yet"],
    ["is older than a day", (now: number) => ({ iat: now - 86_400 - 90 }), "older than 24 hours"],
    ["never expires", () => ({ exp: undefined }), "no claim exp"],
    ["does not say from when it is", () => ({ iat: undefined }), "no claim iat"],
    ["has another issuer", () => ({ iss: "https://evil.example.com" }), "claim iss"],
    ["has a text for a time", () => ({ exp: "tomorrow" }), "exp"],
  ])("that %s does not count", async (_, claims, why) => {
    const { code, message } = await refusal(await issuer.sign({ claims: claims(seconds(Date.now())) }));
    expect(code).toBe("forbidden");
    expect(message).toContain(why);
  });

  test("may be off by a minute of the clock", async () => {
    const now = seconds(Date.now());
    for (const claims of [{ exp: now - 45 }, { nbf: now + 45 }, { iat: now + 45 }])
      expect(await verify(await issuer.sign({ claims }))).toBeDefined();
  });

  test.each(["", "x", "a.b.c", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30.", `${"a".repeat(60_000)}.b.c`])(
    "that is none (%.20s) is told so",
    (token) => {
      expect(() => readUnverified(token)).toThrow(expect.objectContaining({ code: "bad_request" }));
    },
  );

  test("that is signed but no set of claims does not count", async () => {
    const token = await new CompactSign(new TextEncoder().encode("[1]"))
      .setProtectedHeader({ alg: "RS256", kid: "first" })
      .sign(issuer.key.privateKey);
    expect((await refusal(token)).code).toBe("forbidden");
  });
});

describe("an issuer's keys", () => {
  const asked = () => [issuer.asked.get(discoveryPath), issuer.asked.get(keysPath)];

  test("are fetched once for many, also of those that come at once", async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign()));
    await Promise.all(tokens.map(verify));
    await verify(await issuer.sign());
    expect(asked()).toEqual([1, 1]);
  });

  test("are fetched again for a new one, but not as often as strangers invent one", async () => {
    await verify(await issuer.sign());
    const old = issuer.key;
    issuer.key = await newKey("second");
    issuer.published = [issuer.key.publicJwk];
    setSystemTime(Date.now() + 16_000);
    expect(await verify(await issuer.sign())).toBeDefined();
    expect(asked()).toEqual([2, 2]);
    issuer.key = old;
    for (let round = 0; round < 5; round++)
      expect((await refusal(await issuer.sign())).message).toContain("no such key");
    expect(asked()).toEqual([2, 2]);
  });

  test("that were taken back do not count for longer than some minutes", async () => {
    await verify(await issuer.sign());
    const stolen = issuer.key;
    issuer.published = [(await newKey("second")).publicJwk];
    issuer.key = stolen;
    setSystemTime(Date.now() + 11 * 60_000);
    expect((await refusal(await issuer.sign())).code).toBe("forbidden");
  });

  test("that are known go on counting while the issuer is away", async () => {
    await verify(await issuer.sign());
    await issuer.stop();
    setSystemTime(Date.now() + 60 * 60_000);
    expect(await verify(await issuer.sign())).toBeDefined();
    issuer.key = await newKey("second");
    setSystemTime(Date.now() + 60_000);
    expect(await refusal(await issuer.sign())).toMatchObject({ code: "unavailable" });
  });

  test("that cannot be had are told so, and are there once the issuer is", async () => {
    await issuer.stop();
    expect(await refusal(await issuer.sign())).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`The keys of ${issuer.url} cannot be had: it cannot be reached.`),
      retryAfterSeconds: 15,
    });
    issuer.restart();
    // Not yet: it was asked just now.
    expect((await refusal(await issuer.sign())).code).toBe("unavailable");
    expect(issuer.asked.size).toBe(0);
    setSystemTime(Date.now() + 16_000);
    expect(await verify(await issuer.sign())).toBeDefined();
  });

  test.each([
    ["redirects", discoveryPath, () => Response.redirect("/elsewhere"), "answers 302"],
    ["redirects for the keys", keysPath, () => Response.redirect("/elsewhere"), "answers 302"],
    ["fails", discoveryPath, () => new Response(null, { status: 500 }), "answers 500"],
    ["answers no JSON", discoveryPath, () => new Response("<html>"), "no JSON object"],
    ["answers a list", discoveryPath, () => Response.json([]), "no JSON object"],
    [
      "names another issuer",
      discoveryPath,
      () => Response.json({ issuer: "https://a.example", jwks_uri: "https://a.example" }),
      "names another issuer",
    ],
    ["has keys that are none", keysPath, () => Response.json({ keys: {} }), "has no keys"],
    ["sends without end", keysPath, () => new Response(endless()), "more than 262144 bytes"],
    [
      "announces an end and sends more",
      keysPath,
      () => new Response("x".repeat(300_000)),
      "more than 262144 bytes",
    ],
  ])("are not taken from one that %s", async (_, path, answer, why) => {
    issuer.instead.set(path, answer);
    issuer.instead.set("/elsewhere", () => Response.json({ keys: issuer.published }));
    const { code, message } = await refusal(await issuer.sign());
    expect({ code, message }).toEqual({ code: "unavailable", message: expect.stringContaining(why) });
    expect(issuer.asked.get("/elsewhere")).toBeUndefined();
  });

  test.each([
    ["file:///etc/passwd"],
    ["http://169.254.169.254/latest/meta-data"],
    ["http://cache.example.com/keys"],
    ["data:application/json,{}"],
    ["keys"],
    [""],
  ])("are not fetched from %s", async (uri) => {
    issuer.instead.set(discoveryPath, () => Response.json({ issuer: issuer.url, jwks_uri: uri }));
    expect(await refusal(await issuer.sign())).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("names no"),
    });
  });

  test("are not waited for without end", async () => {
    const never = Promise.withResolvers<Response>();
    issuer.instead.set(keysPath, () => never.promise);
    issuers = new Issuers({ timeoutMs: 50 });
    expect((await refusal(await issuer.sign())).message).toContain("it took over 0.05 s");
    issuer.instead.set(
      keysPath,
      () => new Response(new ReadableStream({ start: (stream) => stream.enqueue("{") })),
    );
    setSystemTime(Date.now() + 16_000);
    expect((await refusal(await issuer.sign())).message).toContain("it took over 0.05 s");
    never.resolve(new Response());
  });
});

describe("an issuer that only an owner of a team named", () => {
  const messageOf = async (named: string, resolve: (name: string) => Promise<string[]>) => {
    const some = new Issuers({ timeoutMs: 200, resolve });
    const token = await issuer.sign({ claims: { iss: named } });
    const error = await verifyIdToken(token, named, some, "public").catch((error) => error);
    return { code: error.code, message: error.message.replaceAll(named, "ISSUER") };
  };

  test("is asked at public addresses alone, and how it failed is not told", async () => {
    const port = new URL(issuer.url).port;
    const failures = [
      await messageOf(issuer.url, async () => ["127.0.0.1"]),
      await messageOf(`https://127.0.0.1:${port}`, async () => []),
      await messageOf(`https://ci.example.com:${port}`, async () => ["127.0.0.1"]),
      await messageOf(`https://ci.example.com:${port}`, async () => ["8.8.8.8", "10.0.0.1"]),
      await messageOf("https://ci.example.com", async () => []),
      await messageOf("https://ci.example.com", () => Promise.reject(new Error("ENOTFOUND"))),
      await messageOf("https://ci.example.com", () => Promise.withResolvers<string[]>().promise),
    ];
    expect(new Set(failures.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
    expect(failures[0]).toMatchObject({ code: "unavailable" });
    expect(failures[0]?.message).not.toContain("reached");
    expect(issuer.asked.size).toBe(0);
  });

  test("has nothing of what is known of it to those who look after the server", async () => {
    expect(await verify(await issuer.sign())).toBeDefined();
    const asked = verifyIdToken(await issuer.sign(), issuer.url, issuers, "public");
    expect(await asked.catch((error) => error.code)).toBe("unavailable");
    expect(await verify(await issuer.sign())).toBeDefined();
  });
});

test("of very many issuers those that were asked for longest ago are forgotten, and so is one that nobody names", async () => {
  const some = new Issuers({ maxKnown: 2, resolve: async () => [] });
  for (const name of ["a", "b", "c"]) {
    const named = `https://${name}.example.com`;
    const token = await issuer.sign({ claims: { iss: named } });
    await verifyIdToken(token, named, some, "public").catch(() => {});
  }
  expect(some.size).toBe(2);
  await verifyIdToken(await issuer.sign(), issuer.url, some, "any");
  expect(some.size).toBe(3);
  some.forget(issuer.url);
  some.forget("https://c.example.com");
  expect(some.size).toBe(1);
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(16_384).fill(32)) });
}
