import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { githubPullRequest, newKey, startIssuer, type TestIssuer } from "../../identity/test-issuer.ts";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { TurboClient } from "../turbo/client.ts";

let issuer: TestIssuer;
let larder: RunningLarder;
let webId: string;
beforeAll(async () => {
  [issuer, larder] = await Promise.all([startIssuer(), startLarder({ args: ["--base-path", "/cache"] })]);
  await cli("team", "create", "web");
  await cli("team", "create", "api");
  webId = rowsOf<{ id: string }>(larder.dataFolder, "SELECT id FROM teams WHERE slug = 'web'")[0]
    ?.id as string;
  const project = ["--provider", "github", "--repository", "acme/web", "--issuer", issuer.url];
  await cli("policy", "create", "--team", "web", ...project);
  const brief = ["--issuer", issuer.url, "--claim", "repository=acme/brief", "--trusted", "--expires", "1s"];
  await cli("policy", "create", "--team", "api", ...brief);
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
  issuer[Symbol.dispose]();
});

async function cli(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await larder.cli(...args);
  if (exitCode !== 0) throw new Error(`larder ${args.join(" ")}: ${stderr}`);
}

const grant = "urn:ietf:params:oauth:grant-type:token-exchange";
const jwtType = "urn:ietf:params:oauth:token-type:jwt";

function post(
  fields: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = typeof fields === "string" ? fields : new URLSearchParams(fields).toString();
  return fetch(`${larder.url}/oauth/token`, {
    method: "POST",
    body,
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });
}

const exchange = async (claims: Record<string, unknown> = {}, more: Record<string, string> = {}) =>
  post({
    grant_type: grant,
    subject_token: await issuer.sign({ claims }),
    subject_token_type: jwtType,
    ...more,
  });

// biome-ignore lint/suspicious/noExplicitAny: tests look into it.
const issued = async (answer: Response): Promise<any> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json();
};

describe("a job that a policy takes", () => {
  test("gets a token, and what it is good for", async () => {
    const answer = await exchange();
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toStartWith("application/json");
    expect(await issued(answer)).toEqual({
      access_token: expect.stringMatching(/^lrd_\w{38}$/),
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: "Bearer",
      expires_in: 3600,
      scope: "write",
      team: "web",
      team_id: webId,
      trust: "trusted",
      policy: expect.stringMatching(/^pol_/),
    });
  });

  test("writes for its team, and for no other", async () => {
    const { access_token } = await issued(await exchange());
    const client = new TurboClient(larder.url, access_token);
    expect((await client.put("abc123", "bytes")).status).toBe(202);
    expect(await (await client.get("abc123")).text()).toBe("bytes");
    const elsewhere = await fetch(`${larder.url}/v8/artifacts/abc123?slug=api`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(elsewhere.status).toBe(403);
    expect((await new TurboClient(larder.url, larder.firstToken).get("abc123")).status).toBe(404);
  });

  test("may name its team by slug or id, and the type of its token by its other name", async () => {
    const type = { subject_token_type: "urn:ietf:params:oauth:token-type:id_token" };
    for (const audience of ["web", webId, ""])
      expect(await issued(await exchange({}, { audience, ...type }))).toMatchObject({ team: "web" });
  });

  test("of a pull request is told its scope", async () => {
    expect(await issued(await exchange(githubPullRequest))).toMatchObject({
      scope: "write",
      trust: "pr-acme.2Fweb-12",
    });
  });

  test("has a token that ends", async () => {
    const { access_token, expires_in } = await issued(await exchange({ repository: "acme/brief" }));
    expect(expires_in).toBe(1);
    const client = new TurboClient(larder.url, access_token);
    expect((await client.status()).status).toBe(200);
    while ((await client.status()).status === 200);
    expect((await client.status()).status).toBe(401);
  });

  test("loses its token with its policy", async () => {
    const claim = ["--issuer", issuer.url, "--claim", "repository=acme/gone", "--trusted", "--json"];
    const { stdout } = await larder.cli("policy", "create", "--team", "web", ...claim);
    const { access_token } = await issued(await exchange({ repository: "acme/gone" }));
    const client = new TurboClient(larder.url, access_token);
    expect((await client.status()).status).toBe(200);
    await cli("policy", "delete", JSON.parse(stdout)[0].id);
    expect((await client.status()).status).toBe(401);
    expect((await exchange({ repository: "acme/gone" })).status).toBe(400);
  });
});

/** The parts that every refusal has. */
async function expectError(
  answer: Response,
  status: number,
  error: string,
  code: string,
  description: string,
) {
  const body = (await answer.json()) as Record<string, string>;
  expect<unknown>({ status: answer.status, ...body }).toEqual({
    status,
    error,
    error_description: expect.stringContaining(description),
    code,
    message: expect.stringContaining(description),
  });
  // RFC 6749, 5.2.
  expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

describe("what is refused, in OAuth's words:", () => {
  const good = { grant_type: grant, subject_token: "x", subject_token_type: jwtType };

  test.each([
    ["no form at all", "", "invalid_request", "grant_type"],
    ["another grant", { grant_type: "client_credentials" }, "unsupported_grant_type", "The only grant_type"],
    ["no token", { ...good, subject_token: "" }, "invalid_request", "as subject_token"],
    ["no type", { ...good, subject_token_type: "" }, "invalid_request", "subject_token_type"],
    ["another type", { ...good, subject_token_type: "saml" }, "invalid_request", "subject_token_type"],
    ["somebody who acts for it", { ...good, actor_token: "x" }, "invalid_request", "actor_token"],
    ["another wish", { ...good, requested_token_type: "jwt" }, "invalid_request", "requested_token_type"],
    [
      "a token twice",
      `${new URLSearchParams(good)}&subject_token=y`,
      "invalid_request",
      "subject_token stands twice",
    ],
    ["what is no token", good, "invalid_request", "This is no JWT"],
  ])("%s", async (_, fields, error, description) => {
    await expectError(await post(fields as string), 400, error, "bad_request", description);
  });

  test("JSON instead of a form", async () => {
    await expectError(
      await post("{}", { "content-type": "application/json" }),
      400,
      "invalid_request",
      "bad_request",
      "Send a form",
    );
  });

  test("a body beyond the bound, announced or not", async () => {
    const big = `grant_type=${"a".repeat(70_000)}`;
    await expectError(await post(big), 413, "invalid_request", "too_large", "65536");
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(big));
        controller.close();
      },
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await fetch(`${larder.url}/oauth/token`, { method: "POST", body: stream, headers });
    await expectError(answer, 413, "invalid_request", "too_large", "65536");
  });

  test("a job that no policy takes, one that has expired, and one for a team that is not its own", async () => {
    const now = Math.floor(Date.now() / 1000);
    await expectError(
      await exchange({ ref: "refs/heads/x" }),
      400,
      "invalid_request",
      "forbidden",
      "No policy takes",
    );
    const strange = await exchange({ run_id: '"\\é\n', ref: "refs/heads/x" });
    await expectError(
      strange,
      400,
      "invalid_request",
      "forbidden",
      "No policy takes this job (github acme/web run ",
    );
    await expectError(await exchange({ exp: now - 70 }), 400, "invalid_request", "forbidden", "has expired");
    await expectError(
      await exchange({}, { audience: "api" }),
      400,
      "invalid_target",
      "wrong_team",
      "may not act",
    );
  });

  test("other methods", async () => {
    const answer = await fetch(`${larder.url}/oauth/token`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("an issuer that is away, for as long as it is", async () => {
    using other = await startIssuer();
    const claim = ["--issuer", other.url, "--claim", "repository=acme/web", "--trusted"];
    await cli("policy", "create", "--team", "web", ...claim);
    const subject_token = await other.sign();
    await other.stop();
    const answer = await post({ ...good, subject_token });
    expect(answer.headers.get("retry-after")).toBe("15");
    await expectError(answer, 503, "temporarily_unavailable", "unavailable", "cannot be reached");
  });

  test("the token of a forger", async () => {
    using forger = await startIssuer();
    forger.key = await newKey("first");
    const subject_token = await forger.sign({ claims: { iss: issuer.url } });
    await expectError(
      await post({ ...good, subject_token }),
      400,
      "invalid_request",
      "forbidden",
      "signature",
    );
  });
});

test("too many from one address are told when to come back", async () => {
  const late: Response[] = [];
  // Five more are let in with each second, and nobody is so slow.
  for (let round = 0; round < 10 && late.length === 0; round++) {
    const answers = await Promise.all(Array.from({ length: 330 }, () => post("")));
    late.push(...answers.filter(({ status }) => status === 429));
  }
  expect(late.length).toBeGreaterThan(0);
  expect(Number(late[0]?.headers.get("retry-after"))).toBeWithin(1, 11);
  expect(await late[0]?.json()).toMatchObject({
    error: "temporarily_unavailable",
    code: "too_many_requests",
  });
});

test("neither the job's token nor larder's gets into the log or the database", async () => {
  await using own = await startLarder();
  const claim = ["--issuer", issuer.url, "--claim", "repository=acme/web", "--trusted"];
  await own.cli("policy", "create", "--team", "default", ...claim);
  const subject_token = await issuer.sign();
  const fields = { grant_type: grant, subject_token, subject_token_type: jwtType };
  const answer = await fetch(`${own.url}/oauth/token`, { method: "POST", body: new URLSearchParams(fields) });
  const { access_token } = await issued(answer);
  await own.stop();
  const signature = subject_token.split(".")[2] as string;
  const database = Buffer.concat(
    await Promise.all(
      [...new Bun.Glob("larder.db*").scanSync({ cwd: own.dataFolder, absolute: true })].map(async (path) =>
        Buffer.from(await Bun.file(path).bytes()),
      ),
    ),
  );
  for (const secret of [access_token, signature]) {
    expect(own.stdout() + own.stderr()).not.toContain(secret);
    expect(database.includes(secret)).toBe(false);
  }
  expect(own.stderr()).toContain("github acme/web run 123");
});
