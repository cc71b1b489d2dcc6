import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { identityBeside } from "../identity/beside.ts";
import { newKey, startIssuer, type TestIssuer } from "../identity/test-issuer.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";
import { asHeader, ask, expectNoTraces, fieldText, headerText, marker, near, queryOf } from "./hostile.ts";

let larder: RunningLarder;
let issuer: TestIssuer;
let token: string;
let foreignToken: string;
let teamId: string;
const secretsOfJobs: string[] = [];
const optionalFields = [
  "audience",
  "actor_token",
  "requested_token_type",
  "scope",
  "resource",
  "client_secret",
];

beforeAll(async () => {
  [larder, issuer] = await Promise.all([startLarder({ args: ["--proxy-hops", "1"] }), startIssuer()]);
  token = larder.firstToken;
  await using beside = identityBeside(larder.dataFolder);
  const web = await beside.teams.create({ slug: "web" });
  const named = { teamId: web.id, name: "web", permission: "write" } as const;
  foreignToken = (await beside.tokens.create(named)).secret;
  teamId = (await beside.teams.get("default")).id;
  const claims = ["--claim", "repository=acme/web", "--trusted"];
  const { exitCode, stderr } = await larder.cli(
    ...["policy", "create", "--team", "web", "--issuer", issuer.url, "--audience", "larder", ...claims],
  );
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
  issuer[Symbol.dispose]();
});

const status = "/v8/artifacts/status";
const protectedRoutes = [status, "/v8/artifacts/abc", "/v2/user", "/v2/teams", "/v2/teams/default"];

test("only the scheme Bearer with the very token lets a request in", async () => {
  const header = fc.oneof(
    fc
      .tuple(
        fc.constantFrom("Bearer", "bearer", "BEARER", "Basic", "Bearer:", "Token", "", "Bearer Bearer"),
        fc.constantFrom(" ", "  ", "\t", "", ",", "\xa0", "="),
        near(token),
        fc.constantFrom("", " ", "\t", ", x", "; x"),
      )
      .map((parts) => asHeader(parts.join(""))),
    headerText.map((text) => `Bearer ${text}${marker}`),
    headerText,
  );
  const isRight = new RegExp(`^bearer\\s+${token}\\s*$`, "i");
  let letIn = 0;
  await fc.assert(
    fc.asyncProperty(header, fc.constantFrom(...protectedRoutes), async (text, path) => {
      const answer = await ask(larder, { path, headers: [`Authorization: ${text}`] });
      if ([200, 404].includes(answer.status)) {
        letIn++;
        expect(text).toMatch(isRight);
      } else expect([400, 401, 403, 431]).toContain(answer.status);
      if (text === `Bearer ${token}`) expect([200, 404]).toContain(answer.status);
    }),
    { numRuns: 500, examples: [[`Bearer ${token}`, status]] },
  );
  expect(letIn).toBeGreaterThan(0);
});

test("of several Authorization headers no mix lets in what none of them would", async () => {
  const other = fc.oneof(headerText, fc.constant(`Bearer ${marker}`), fc.constant("Basic x"));
  await fc.assert(
    fc.asyncProperty(fc.array(other, { minLength: 2, maxLength: 4 }), async (texts) => {
      const headers = texts.map((text) => `Authorization: ${text}`);
      expect([400, 401, 431]).toContain((await ask(larder, { path: status, headers })).status);
    }),
    { numRuns: 80 },
  );
});

test("a token in the query or a cookie is none, whatever it is called", async () => {
  const name = fc.constantFrom("access_token", "token", "bearer", "authorization", "Authorization", "secret");
  await fc.assert(
    fc.asyncProperty(name, fc.constantFrom(...protectedRoutes), near(token), async (name, path, text) => {
      const answer = await ask(larder, {
        path: path + queryOf([[name, text]]),
        headers: [`Cookie: larder_session=${token}; ${name}=${token}`],
      });
      expect([400, 401]).toContain(answer.status);
    }),
    { numRuns: 100 },
  );
});

test("no way to name a team gets a token into another one", async () => {
  const name = fc.constantFrom(
    "teamId",
    "slug",
    "teamId[]",
    "slug[]",
    "teamId[0]",
    "TEAMID",
    "team%49d",
    "__proto__",
  );
  const value = fc.oneof(
    fc.constantFrom("default", teamId, "web", "", "default,web", "web\0", "%zz", '["default"]'),
    fieldText.map((text) => text.slice(0, 300)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (parameters) => {
      const path = `/v8/artifacts/abc${queryOf(parameters)}`;
      const put = await ask(larder, {
        method: "PUT",
        path,
        headers: [`Authorization: Bearer ${foreignToken}`, "Content-Length: 0"],
      });
      expect([202, 400, 403]).toContain(put.status);
      expect(
        await ask(larder, { path: "/v8/artifacts/abc", headers: [`Authorization: Bearer ${token}`] }),
      ).toMatchObject({ status: 404 });
    }),
    { numRuns: 150 },
  );
  const teams = rowsOf<{ slug: string }>(
    larder.dataFolder,
    "SELECT DISTINCT slug FROM artifacts JOIN teams ON teams.id = team_id",
  );
  expect(teams).toEqual([{ slug: "web" }]);
});

test("no team that a path names is taken for the token's own unless it is", async () => {
  const slug = fc.oneof(
    near("default"),
    near(teamId),
    headerText.map((text) => text.slice(0, 300)),
  );
  const headers = [`Authorization: Bearer ${foreignToken}`];
  await fc.assert(
    fc.asyncProperty(slug, async (text) => {
      const path = `/v2/teams/${queryOf([["", text]])
        .slice(2)
        .replaceAll("/", "%2F")}`;
      const answer = await ask(larder, { path, headers });
      // A dot alone names the folder itself (RFC 3986, 5.2.4), which is the list of one's own teams.
      if (answer.status === 200) expect(new URL(path, larder.url).pathname).toBe("/v2/teams/");
      else expect([400, 403, 404, 431]).toContain(answer.status);
    }),
    { numRuns: 150, examples: [["%zz"], ["%ff"], ["%"]] },
  );
});

test("no address, id or name of a client spoils a line of the log, or what is kept of a change", async () => {
  const address = fc.oneof(
    headerText,
    fc
      .tuple(fc.constantFrom("fe80::1%", "::ffff:192.0.2.1%", "192.0.2.1"), headerText)
      .map((both) => both.join("")),
  );
  await fc.assert(
    fc.asyncProperty(address, headerText, async (forwarded, id) => {
      const answer = await ask(larder, {
        path: status,
        headers: [
          `X-Forwarded-For: 192.0.2.9, ${forwarded}`,
          `X-Request-Id: ${id}`,
          `X-Forwarded-Proto: ${id}`,
          `User-Agent: ${id}`,
          `Authorization: Bearer ${token}`,
        ],
      });
      expect([200, 400, 431]).toContain(answer.status);
    }),
    { numRuns: 150, examples: [[`fe80::1%${"a".repeat(5_000)}`, ""]] },
  );
});

const verifyRoute = "/registration/verify";

test("only the very link of a sign-in is good for a token, and for one", async () => {
  await using beside = identityBeside(larder.dataFolder);
  const user = await beside.users.create({ email: "ann@example.org" });
  await beside.members.set(teamId, user.id, "member");
  const link = await beside.logins.createLink(user, teamId);
  const name = fc.constantFrom("token", "token[]", "tokenName", "Token", "tokenName[]");
  const value = fc.oneof(
    near(link).filter((text) => text !== link),
    fieldText.map((text) => text.slice(0, 2_000)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (parameters) => {
      expect([400, 404]).toContain((await ask(larder, { path: verifyRoute + queryOf(parameters) })).status);
    }),
    { numRuns: 150 },
  );
  const names: [string, string][] = [
    ["tokenName", '\x1b[2J"\r\nx-smuggled: 1'],
    ["tokenName", "%zz"],
    ["tokenName[]", "x"],
  ];
  const path = verifyRoute + queryOf([["token", link], ...names]);
  expect((await ask(larder, { path })).status).toBe(200);
  expect((await ask(larder, { path })).status).toBe(400);
});

test("no secret in the wrong field of an exchange comes back or is kept", async () => {
  const job = await issuer.sign({ claims: { jti: marker } });
  const right = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: job,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  };
  for (const secret of [token, foreignToken, job, job.slice(0, 90)]) {
    const iss = await issuer.sign({ claims: { iss: `https://${secret}` } });
    for (const [name, value] of [
      ...[...Object.keys(right), ...optionalFields].map((field) => [field, secret] as const),
      // The issuer is what a stranger's token says.
      ["subject_token", iss] as const,
    ]) {
      const { status, body } = await ask(larder, {
        method: "POST",
        path: "/oauth/token",
        headers: ["X-Forwarded-For: 192.0.2.251"],
        form: Object.entries({ ...right, [name]: value }),
      });
      const ignored = ["scope", "resource", "client_secret"].includes(name);
      const isRight = name === "subject_token" && value === job;
      expect([name, status]).toEqual([name, ignored || isRight ? 200 : 400]);
      if (status === 400) expect(body.toString()).not.toContain(secret);
    }
  }
  const kept = rowsOf<{ details: string }>(
    larder.dataFolder,
    "SELECT details FROM audit WHERE kind = 'token.refuse'",
  );
  expect(kept.map(({ details }) => JSON.parse(details).team)).toContain("****");
  for (const { details } of kept) expect(details).not.toMatch(/lrd_|eyJ/);
  secretsOfJobs.push(job);
});

test("only the very token of a job is exchanged, each field sent once", async () => {
  const [job, forged] = await Promise.all([
    issuer.sign({ claims: { jti: marker } }),
    newKey("first").then((key) => {
      const [own, signed] = [issuer.key, issuer.sign.bind(issuer)];
      issuer.key = key;
      return signed().finally(() => {
        issuer.key = own;
      });
    }),
  ]);
  const grant = "urn:ietf:params:oauth:grant-type:token-exchange";
  const jwtType = "urn:ietf:params:oauth:token-type:jwt";
  const good = new Map([
    ["grant_type", grant],
    ["subject_token", job],
    ["subject_token_type", jwtType],
  ]);
  const field = fc
    .constantFrom(...good.keys(), ...optionalFields, "__proto__")
    .chain((name) =>
      fc.tuple(
        fc.constant(name),
        fc.oneof(
          near(good.get(name) ?? "web"),
          fieldText,
          fc.constantFrom(forged, job.replace(/\.[^.]+$/, "."), token),
        ),
      ),
    );
  let tokens = 0;
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(field, { maxLength: 3 }), fc.boolean(), async (fields, isInPlace) => {
      const kept = [...good].filter(([name]) => !isInPlace || !fields.some(([one]) => one === name));
      const form = [...kept, ...fields];
      const headers = [`X-Forwarded-For: 192.0.2.${run++ % 250}`];
      const answer = await ask(larder, { method: "POST", path: "/oauth/token", headers, form });
      expect([200, 400, 413]).toContain(answer.status);
      if (answer.status !== 200) return;
      tokens++;
      for (const [name, value] of good) {
        const sent = form.filter(([one, text]) => one === name && text !== "").map(([, text]) => text);
        // The last character of a signature has bits that mean nothing.
        expect(sent.map((text) => text.slice(0, -1))).toEqual([value.slice(0, -1)]);
      }
    }),
    { numRuns: 200, examples: [[[], false]] },
  );
  expect(tokens).toBeGreaterThan(0);
});

test("and in the end nothing of it stands in the log or the database, and nothing was a fault", async () => {
  // What a token ends with is its signature, without which it is worth nothing.
  const signed = secretsOfJobs.map((job) => job.slice(-40));
  await expectNoTraces(larder, token, foreignToken, ...signed);
});
