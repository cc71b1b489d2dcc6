import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RunningLarder } from "../larder.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { type Account, administrator, createUser, SiteClient, startSetUp } from "./site-client.ts";

let t: Awaited<ReturnType<typeof startSetUp>>;
let larder: RunningLarder;
let client: SiteClient;

beforeAll(async () => {
  t = await startSetUp();
  ({ larder, client } = t);
});
afterAll(() => t[Symbol.asyncDispose]());

const origin = () => new URL(larder.url).origin;

/** Sends the sign-in form so often that the last one is there before the first is looked at. @returns the statuses. */
async function signInAtOnce(times: number, { email, password }: Account): Promise<number[]> {
  using stack = new DisposableStack();
  const connections: RawConnection[] = [];
  for (let opened = 0; opened < times; opened++)
    connections.push(stack.use(await RawConnection.open(larder.url)));
  const body = new URLSearchParams({ email, password }).toString();
  const head = {
    host: new URL(larder.url).host,
    origin: origin(),
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `POST /sign-in HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
  await Promise.all(connections.map((connection) => connection.send(request)));
  return await Promise.all(connections.map(async (connection) => (await connection.answer()).status));
}

describe("a form of another site", () => {
  test.each([
    ["says so", { origin: "https://evil.example" }],
    ["has its origin hidden", { origin: "null" }],
    ["comes from another port of this host", { origin: "http://127.0.0.1:1" }],
    ["is called cross-site by the browser", { origin: "", "sec-fetch-site": "cross-site" }],
    ["is called same-site by the browser", { origin: "", "sec-fetch-site": "same-site" }],
    ["has an origin that is ours, and yet is called cross-site", { "sec-fetch-site": "cross-site" }],
    ["tells nothing of where it comes from", { origin: "" }],
    ["has an origin that is no URL", { origin: "evil" }],
  ] as [string, Record<string, string>][])("is refused when it %s", async (_, headers) => {
    const csrf = await client.csrfToken();
    for (const [path, fields] of [
      ["/sign-out", { csrf }],
      ["/sign-out-everywhere", { csrf }],
      ["/account/tokens/revoke", { csrf, id: "tok_x" }],
      ["/account/password", { csrf }],
      ["/sign-in", { ...administrator }],
      ["/setup", {}],
      ["/password", {}],
    ] as [string, Record<string, string>][]) {
      const answer = await client.post(path, fields, headers);
      expect(`${path} ${answer.status}`).toBe(`${path} 403`);
      expect(answer.headers.get("content-type")).toStartWith("text/html");
      expect(await answer.text()).toContain("came from another site");
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(await client.isSignedIn()).toBe(true);
  });

  test("is one of ours if the browser says so, whatever host a proxy has made of ours", async () => {
    const headers = { origin: "https://cache.example.org", "sec-fetch-site": "same-origin" };
    const other = new SiteClient(larder.url);
    expect((await other.post("/sign-in", { ...administrator }, headers)).status).toBe(303);
  });
});

test("a form without its session's token, or with another session's, does nothing", async () => {
  const other = new SiteClient(larder.url);
  await other.signIn();
  const token = await other.csrfToken();
  for (const csrf of [undefined, "", "x", "é".repeat(32), token, (await client.csrfToken()).toUpperCase()]) {
    for (const path of ["/sign-out", "/sign-out-everywhere", "/account/tokens/revoke", "/account/password"]) {
      const answer = await client.post(path, csrf === undefined ? {} : { csrf });
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain("Reload it");
    }
  }
  expect(await client.isSignedIn()).toBe(true);
});

test("the token of a session tells nothing of its secret", async () => {
  expect(await client.csrfToken()).not.toContain(client.cookie.split("=")[1]?.slice(4, 12) as string);
});

describe("what is no form", () => {
  test("is refused by its kind", async () => {
    for (const contentType of ["multipart/form-data; boundary=x", "text/plain", "application/json", ""]) {
      const answer = await fetch(`${larder.url}/sign-in`, {
        method: "POST",
        headers: { origin: origin(), ...(contentType && { "content-type": contentType }) },
        body: new Uint8Array(10),
      });
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain("This is no form");
    }
  });

  test("is refused when it is too large, announced or not", async () => {
    const large = `email=${"a".repeat(70_000)}`;
    const headers = { origin: origin(), "content-type": "application/x-www-form-urlencoded" };
    const inPieces = new Blob([large]).stream();
    for (const body of [large, inPieces]) {
      const answer = await fetch(`${larder.url}/sign-in`, { method: "POST", headers, body });
      expect(answer.status).toBe(413);
      expect(await answer.text()).toContain("65536 bytes");
    }
  });

  test("that breaks off in the middle of a character is read as it is", async () => {
    const headers = { origin: origin(), "content-type": "application/x-www-form-urlencoded" };
    const body = "email=%E2%82&password=%zz&=&&";
    expect((await fetch(`${larder.url}/sign-in`, { method: "POST", headers, body })).status).toBe(403);
  });
});

describe("pages", () => {
  test("for people answer in HTML that may fetch and run nothing, and is kept by nobody", async () => {
    for (const path of ["/sign-in", "/setup", "/password", "/account"]) {
      const answer = await (path === "/sign-in" ? new SiteClient(larder.url) : client).get(path);
      expect(answer.status).toBe(200);
      const headers = Object.fromEntries(answer.headers);
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
      });
      const policy = headers["content-security-policy"] as string;
      expect(policy).toStartWith("default-src 'none'; style-src 'sha256-");
      expect(policy).toEndWith("; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
      expect(policy).not.toContain("unsafe");
      expect(policy.includes("script-src")).toBe(path === "/setup" || path === "/password");
    }
  });

  test("answer HEAD as GET, without the body", async () => {
    for (const path of ["/", "/sign-in", "/setup", "/password", "/account"]) {
      const [got, head] = await Promise.all(
        ["GET", "HEAD"].map((method) =>
          fetch(larder.url + path, { method, headers: { cookie: client.cookie }, redirect: "manual" }),
        ),
      );
      expect(head?.status).toBe(got?.status as number);
      expect(head?.headers.get("location")).toBe(got?.headers.get("location") ?? null);
      expect(await head?.text()).toBe("");
    }
  });

  test.each([
    ["/", "GET, HEAD"],
    ["/setup", "GET, HEAD, POST"],
    ["/sign-in", "GET, HEAD, POST"],
    ["/password", "GET, HEAD, POST"],
    ["/account", "GET, HEAD"],
    ["/sign-out", "POST"],
    ["/sign-out-everywhere", "POST"],
    ["/account/password", "POST"],
    ["/account/tokens/revoke", "POST"],
  ])("%s allow %s, and refuse other methods as a page", async (path, allow) => {
    const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((one) => !allow.includes(one));
    for (const method of others) {
      const body = method === "GET" ? {} : { body: "x" };
      const answer = await fetch(larder.url + path, { method, redirect: "manual", ...body });
      expect(`${method} ${answer.status}`).toBe(`${method} 405`);
      expect(answer.headers.get("allow")).toBe(allow);
      expect(answer.headers.get("content-type")).toStartWith("text/html");
    }
  });

  test("show what people have typed as text", async () => {
    const nasty = `"><script>alert(1)</script>`;
    const answer = await new SiteClient(larder.url).post("/sign-in", {
      email: nasty,
      password: nasty,
      next: nasty,
    });
    const page = await answer.text();
    expect(page).toContain("&quot;&gt;&lt;script&gt;alert(1)");
    expect(page).not.toContain("<script");
    expect(page.split("alert(1)")).toHaveLength(2);
  });

  test("leave JSON to all other routes", async () => {
    const answer = await client.get("/nope");
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("application/json");
  });
});

describe("signing in", () => {
  test("leads to the page that was asked for, and nowhere else", async () => {
    for (const [next, location] of [
      ["/account?a=b", "/account?a=b"],
      ["//evil.example", "/dashboard"],
      ["/\\evil.example", "/dashboard"],
      ["https://evil.example", "/dashboard"],
      ["/%2Fevil.example", "/%2Fevil.example"],
      ["", "/dashboard"],
    ] as const) {
      const answer = await new SiteClient(larder.url).post("/sign-in", { ...administrator, next });
      expect(answer.headers.get("location")).toBe(location);
      const already = await client.get(`/sign-in?${new URLSearchParams({ next })}`);
      expect(already.headers.get("location")).toBe(location);
    }
  });

  test("says the same of a wrong password, an unknown user and one without a password", async () => {
    await larder.cli("user", "create", "new@example.org");
    const texts = [];
    for (const email of [administrator.email, "nobody@example.org", "new@example.org", "no address"]) {
      const answer = await new SiteClient(larder.url).post("/sign-in", { email, password: "wrong" });
      expect(answer.status).toBe(403);
      expect(answer.headers.getSetCookie()).toEqual([]);
      texts.push((await answer.text()).replaceAll(email, ""));
    }
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain("E-mail address or password is wrong.");
  });

  test("too often with a wrong password has to wait, and is told for how long, whether there is such a user or not", async () => {
    const account = { email: "dan@example.org", password: "a long password" };
    await createUser(larder, account);
    const guesses = new Map<string, number>();
    for (const email of [account.email, "nobody-either@example.org"]) {
      const guess = async () =>
        (await new SiteClient(larder.url).post("/sign-in", { email, password: "a guess" })).status;
      expect((await signInAtOnce(3, { email, password: "a guess" })).sort()).toEqual([403, 403, 429]);
      const more: number[] = [];
      // On a slow machine the first second may have gone by, and then those that follow are longer.
      while (!more.includes(429) && more.length < 10) more.push(await guess());
      expect(more.slice(0, 2)).toEqual([403, 403]);
      expect(more.at(-1)).toBe(429);
      guesses.set(email, more.length);
    }
    const right = await new SiteClient(larder.url).post("/sign-in", account);
    // On a slow machine the second may have gone by, or have become more with another guess.
    if (right.status === 303) return;
    expect(right.status).toBe(429);
    const seconds = Number(right.headers.get("retry-after"));
    expect(seconds).toBeWithin(1, 2 ** ((guesses.get(account.email) as number) - 3) + 1);
    const wait = seconds === 1 ? "a second" : `${seconds} seconds`;
    expect(await right.text()).toContain(`Too many attempts. Wait ${wait}, then try again.`);
  });

  test("takes the address in any case, and with blanks around it", async () => {
    const { password } = administrator;
    const answer = await new SiteClient(larder.url).post("/sign-in", {
      email: " ANN@Example.org ",
      password,
    });
    expect(answer.status).toBe(303);
  });
});

describe("whoever is signed in", () => {
  test("is out with the next request once disabled, deleted, or given another password", async () => {
    const account = { email: "bob@example.org", password: "a long password" };
    await createUser(larder, account, "--team", "default=member");
    const bob = new SiteClient(larder.url);
    await bob.signIn(account);
    expect(await (await bob.get("/account")).text()).toContain("Default (member)");

    expect((await larder.cli("user", "set", account.email, "--state", "disabled")).exitCode).toBe(0);
    expect(await bob.isSignedIn()).toBe(false);
    expect((await bob.post("/sign-in", account)).status).toBe(403);
    await larder.cli("user", "set", account.email, "--state", "enabled");
    expect(await bob.isSignedIn()).toBe(false);

    await bob.signIn(account);
    const link = (await larder.cli("user", "reset-link", account.email)).stdout.trim();
    expect(await bob.isSignedIn()).toBe(true);
    const first = await bob.post("/password", { secret: link.split("#")[1] as string });
    expect(first.status).toBe(200);
    expect(await first.text()).toContain(account.email);
    const fields = { secret: link.split("#")[1] as string, password: "another one", repeated: "another one" };
    const other = new SiteClient(larder.url);
    expect((await other.post("/password", fields)).headers.get("location")).toBe("/dashboard");
    expect([await other.isSignedIn(), await bob.isSignedIn()]).toEqual([true, false]);
    // Links work once.
    for (const sent of [fields, { secret: fields.secret }]) {
      const again = await other.post("/password", sent);
      expect(again.status).toBe(400);
      const text = await again.text();
      expect(text).toContain("This link is not valid");
      expect(text).not.toContain(account.email);
      expect(text).not.toContain('type="password"');
    }

    expect((await larder.cli("user", "delete", account.email, "--yes")).exitCode).toBe(0);
    expect(await other.isSignedIn()).toBe(false);
  });

  test("revokes own tokens there, and no others", async () => {
    const account = { email: "eve@example.org", password: "a long password" };
    await createUser(larder, account);
    const eve = new SiteClient(larder.url);
    await eve.signIn(account);
    const { stdout } = await larder.cli("token", "list", "--json");
    const [token] = JSON.parse(stdout) as { id: string }[];
    const answer = await eve.postFromAccount("/account/tokens/revoke", { id: token?.id as string });
    expect(answer.status).toBe(404);
    expect(JSON.parse((await larder.cli("token", "list", "--json")).stdout)[0].revokedAt).toBeNull();
  });

  test("changes the password with the current one only, and stays signed in here alone", async () => {
    const account = { email: "kim@example.org", password: "a long password" };
    await createUser(larder, account);
    const [here, there] = [new SiteClient(larder.url), new SiteClient(larder.url)];
    await here.signIn(account);
    await there.signIn(account);
    const fields = { password: "another one", repeated: "another one" };
    for (const [wrong, message] of [
      [{ ...fields, current: "guess" }, "This is not your password."],
      [{ ...fields, current: account.password, repeated: "x" }, "This is not the same password."],
      [
        { current: account.password, password: "short", repeated: "short" },
        "A password has 8 to 256 characters.",
      ],
      [
        { current: account.password, password: account.email, repeated: account.email },
        "This is your e-mail address, or its beginning.",
      ],
    ] as const) {
      const answer = await here.postFromAccount("/account/password", wrong);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain(message);
    }
    expect(await there.isSignedIn()).toBe(true);
    const changed = await here.postFromAccount("/account/password", { ...fields, current: account.password });
    expect(changed.status).toBe(303);
    const location = changed.headers.get("location") as string;
    expect(await (await here.get(location)).text()).toContain("Your password is changed.");
    expect([await here.isSignedIn(), await there.isSignedIn()]).toEqual([true, false]);
    await there.signIn({ ...account, password: "another one" });
  });
});

test("nothing secret gets into the log", async () => {
  // With its last lines.
  await larder.stop();
  const log = larder.stderr();
  expect(log).toContain('"path":"/sign-in"');
  expect(log).toContain(`"user":"${administrator.email}"`);
  for (const secret of [administrator.password, client.cookie.split("=")[1] as string, "lrl_", "another one"])
    expect(log).not.toContain(secret);
});
