import { expect, test } from "bun:test";
import fc from "fast-check";
import { identityBeside } from "../identity/beside.ts";
import { rowsOf } from "../server/holdings.ts";
import type { RawAnswer } from "../server/raw-connection.ts";
import { administrator, setupSecret } from "../sign-in/site-client.ts";
import { asHeader, ask, expectNoTraces, fieldText, headerText, marker, near, queryOf } from "./hostile.ts";
import { siteForAllTests, ways } from "./site.ts";

const site = siteForAllTests();
const hasSession = ({ headers }: RawAnswer) => /session=lrs_/.test(headers.get("set-cookie") ?? "");
const isThisComputer = ({ protocol, hostname }: URL) =>
  protocol === "http:" && ["127.0.0.1", "localhost"].includes(hostname);
const sessionsThere = () => rowsOf(site.larder.dataFolder, "SELECT secret_sha256 FROM sessions").length;
const usersThere = () => rowsOf(site.larder.dataFolder, "SELECT id, email, role FROM users");
/** A new address for each request, so that nobody is slowed down. */
let asked = 0;
const newAddress = () => `X-Forwarded-For: 198.51.${100 + (asked >> 8)}.${asked++ & 255}`;

test("no address and password but the right ones sign in, and no password comes back", async () => {
  const before = sessionsThere();
  const right: [string, string] = [administrator.email, administrator.password];
  const pair = fc.oneof(
    fc.tuple(
      near(right[0]),
      fieldText.map((text) => text + marker),
    ),
    // People type a password where the address belongs.
    fc.tuple(fc.oneof(fieldText, fc.constant(right[1])), fc.constantFrom(right[1], marker)),
    fc.tuple(
      fc.constant(right[0]),
      near(right[1]).filter((text) => text !== right[1]),
    ),
  );
  await fc.assert(
    fc.asyncProperty(pair, ways, async ([email, password], next) => {
      const answer = await ask(site.larder, {
        method: "POST",
        path: "/sign-in",
        headers: [`Origin: ${site.larder.url}`, newAddress()],
        form: [
          ["email", email],
          ["password", password],
          ["next", next],
        ],
      });
      expect([403, 413, 429]).toContain(answer.status);
      expect(hasSession(answer)).toBe(false);
    }),
    // Of those whom nobody knows only the first one within a minute is written down.
    { numRuns: 20, examples: [[[right[1], marker], "/"]] },
  );
  expect(sessionsThere()).toBe(before);
  const form = [
    ["email", right[0]],
    ["password", right[1]],
    ["next", "//evil.example"],
  ] as const;
  const headers = [`Origin: ${site.larder.url}`, newAddress()];
  // Whoever guesses at an account slows it down everywhere, so another one has to show that this is a way in.
  await using beside = identityBeside(site.larder.dataFolder);
  await beside.users.create({ email: "bob@example.org", password: right[1] });
  const signIn = await ask(site.larder, {
    method: "POST",
    path: "/sign-in",
    headers,
    form: [["email", "bob@example.org"], ...form.slice(1)],
  });
  expect([signIn.status, hasSession(signIn), signIn.headers.get("location")]).toEqual([
    303,
    true,
    "/dashboard",
  ]);
});

test.each(["/setup", "/password"])("no code but that of a link does anything at %s", async (path) => {
  await using beside = identityBeside(site.larder.dataFolder);
  await beside.users.createPasswordLink(administrator.email, 60_000);
  const before = [usersThere(), sessionsThere()];
  const code = fc.oneof(near(setupSecret(site.larder)), fieldText);
  const password = fc.oneof(fc.constant(`${marker} ${marker}`), fieldText);
  await fc.assert(
    fc.asyncProperty(code, password, fieldText, async (secret, password, text) => {
      const answer = await ask(site.larder, {
        method: "POST",
        path,
        headers: [`Origin: ${site.larder.url}`],
        form: [
          ["secret", secret],
          ["password", password],
          ["repeated", password],
          ["email", `${text}@example.org`],
          ["name", text],
        ],
      });
      expect([400, 409, 413]).toContain(answer.status);
      expect(hasSession(answer)).toBe(false);
    }),
    { numRuns: 100 },
  );
  expect([usersThere(), sessionsThere()]).toEqual(before);
});

test("a token of `turbo login` goes to this computer only, and only when it is allowed", async () => {
  const { secret, csrf } = site;
  const target = fc.oneof(
    near("http://127.0.0.1:9789"),
    fc.constantFrom(
      "http://localhost:1/a?token=x",
      "http://[::1]:9789/",
      "http://evil.example",
      "http://evil.example:9789/",
      "http://localhost.evil.example:9789",
      "http://127.0.0.1:9789@evil.example",
    ),
    ways,
  );
  const more = fc.array(
    fc.tuple(
      fc.constantFrom("state", "teamId", "mode", "redirect_uri", "next", "token"),
      fieldText.map((text) => text.slice(0, 600)),
    ),
    { maxLength: 3 },
  );
  const route = fc.constantFrom(
    "/turborepo/token?",
    "/api/auth/sso?teamId=default&",
    "/turborepo/token?next=x&",
    "/api/auth/sso?redirect_uri=x&",
  );
  const name = (route: string) => (route.startsWith("/api") ? "next" : "redirect_uri");
  let given = 0;
  await fc.assert(
    fc.asyncProperty(route, target, more, fc.boolean(), async (route, target, more, isRight) => {
      const path = route + queryOf([[name(route), target], ...more]).slice(1);
      const headers = [`Cookie: larder_session=${secret}`, `Origin: ${site.larder.url}`];
      expect([200, 400, 403]).toContain((await ask(site.larder, { path, headers })).status);
      const form = [
        ["csrf", isRight ? csrf : `${csrf}x`],
        ["decision", "allow"],
      ] as const;
      const answer = await ask(site.larder, { method: "POST", path, headers, form }, isThisComputer);
      expect([302, 400, 403]).toContain(answer.status);
      if (answer.status !== 302) return expect(answer.headers.get("location")).toBeUndefined();
      given++;
      expect(isRight).toBe(true);
      const location = new URL(answer.headers.get("location") as string);
      expect(isThisComputer(location)).toBe(true);
      expect(location.searchParams.getAll("token")).toHaveLength(1);
    }),
    { numRuns: 250, examples: [["/turborepo/token?", "http://127.0.0.1:9789", [], true]] },
  );
  expect(given).toBeGreaterThan(0);
});

test("only who comes back from the provider with what was sent is signed in", async () => {
  const begun = await ask(
    site.larder,
    { path: "/sign-in/oidc?next=/account" },
    ({ origin }) => origin === site.provider.issuer,
  );
  const cookie = begun.headers.get("set-cookie")?.split(";")[0] as string;
  const [cookieName, cookieValue] = cookie.split("=") as [string, string];
  const back = site.provider.approve(new URL(begun.headers.get("location") as string));
  const state = back.searchParams.get("state") as string;
  const [begunText, seal] = cookieValue.split(".") as [string, string];
  const planted = (change: Record<string, unknown>) => {
    const changed = { ...JSON.parse(Buffer.from(begunText, "base64url").toString()), ...change };
    return `${Buffer.from(JSON.stringify(changed)).toString("base64url")}.${seal}`;
  };
  const carried = fc.oneof(
    near(cookieValue),
    headerText,
    fc.constantFrom(cookieValue, ""),
    ways.map((next) => planted({ next })),
    fc.constantFrom("state", "nonce", "codeVerifier").map((name) => planted({ [name]: "" })),
    fc
      .constantFrom("state", "nonce")
      .chain((name) => fieldText.map((text) => planted({ [name]: text.slice(0, 1_000) }))),
  );
  const parameter = fc.oneof(
    fc.tuple(fc.constant("state"), near(state)),
    fc.tuple(
      fc.constantFrom(
        "state",
        "code",
        "iss",
        "error",
        "error_description",
        "id_token",
        "response",
        "session_state",
      ),
      fieldText.map((text) => text.slice(0, 2_000)),
    ),
  );
  const good: [string, string][] = [
    ["code", "the-code"],
    ["state", state],
  ];
  let signedIn = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(parameter, { maxLength: 3 }),
      fc.boolean(),
      carried,
      async (more, isWhole, value) => {
        const parameters = [...(isWhole ? good : good.slice(0, 1)), ...more];
        const answer = await ask(site.larder, {
          path: `/sign-in/oidc/callback${queryOf(parameters)}`,
          headers: [`Cookie: ${cookieName}=${asHeader(value)}`, newAddress()],
        });
        const opened = answer.status === 303;
        if (!opened) return expect([400, 403, 431]).toContain(answer.status);
        signedIn++;
        const sent = (wanted: string) =>
          parameters.filter(([name]) => name === wanted).map(([, text]) => text);
        expect(sent("state")).toEqual([state]);
        expect(sent("error").join("")).toBe("");
        // It is sealed, so none but the very cookie will do.
        expect(asHeader(value)).toBe(cookieValue);
      },
    ),
    { numRuns: 200, examples: [[[], true, cookieValue]] },
  );
  expect(signedIn).toBeGreaterThan(0);
});

test("and in the end nothing of it stands in the log or the database, and nothing was a fault", async () => {
  expect(await site.client.isSignedIn()).toBe(true);
  await expectNoTraces(site.larder, site.secret, administrator.password);
});
