import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { identityBeside } from "../identity/beside.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";
import type { RawAnswer } from "../server/raw-connection.ts";
import { type LyingProvider, startLyingProvider } from "../sign-in/lying-provider.ts";
import { administrator, SiteClient, setupSecret } from "../sign-in/site-client.ts";
import {
  asHeader,
  ask,
  expectNoTraces,
  fieldText,
  headerText,
  marker,
  mostly,
  near,
  queryOf,
} from "./hostile.ts";

let larder: RunningLarder;
let provider: LyingProvider;
let client: SiteClient;
let host: string;
/** Of a session that lasts through all tests. */
let secret: string;
let csrf: string;

beforeAll(async () => {
  provider = await startLyingProvider();
  larder = await startLarder({
    args: ["--proxy-hops", "1"],
    env: {
      LARDER_OIDC_ISSUER: provider.issuer,
      LARDER_OIDC_CLIENT_ID: "larder",
      LARDER_OIDC_CLIENT_SECRET: marker,
      LARDER_OIDC_ACCESS: "domain:example.org=default:member",
    },
  });
  host = new URL(larder.url).host;
  client = new SiteClient(larder.url);
  await client.setUp(larder);
  secret = client.cookie.split("=")[1] as string;
  csrf = await client.csrfToken();
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const hasSession = ({ headers }: RawAnswer) => /session=lrs_/.test(headers.get("set-cookie") ?? "");
const isThisComputer = ({ protocol, hostname }: URL) =>
  protocol === "http:" && ["127.0.0.1", "localhost"].includes(hostname);
const nonceOf = (cookie: string) => JSON.parse(Buffer.from(cookie, "base64url").toString()).nonce;
const sessionsThere = () => rowsOf(larder.dataFolder, "SELECT secret_sha256 FROM sessions").length;
const usersThere = () => rowsOf(larder.dataFolder, "SELECT id, email, role FROM users");
/** A new address for each request, so that nobody is slowed down. */
let asked = 0;
const newAddress = () => `X-Forwarded-For: 198.51.${100 + (asked >> 8)}.${asked++ & 255}`;

test("only the very cookie of a session signs in, over HTTP and over HTTPS each its own", async () => {
  const names = ["larder_session", "__Host-larder_session", "__Host-Larder_session", "larder_oidc", "", "$x"];
  const pair = fc.tuple(
    mostly("", fc.constantFrom(" ", "\t", "\xa0")),
    mostly("larder_session", fc.oneof(fc.constantFrom(...names), headerText)),
    mostly("=", fc.constantFrom(" = ", "==", "")),
    mostly(secret, fc.oneof(near(secret), headerText, fc.constant(`lrs_${marker}`))),
  );
  const cookie = fc
    .array(
      pair.map((parts) => asHeader(parts.join(""))),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.join("; "));
  let signedIn = 0;
  await fc.assert(
    fc.asyncProperty(
      cookie,
      mostly("", fc.constantFrom("http", "https", "HTTPS")),
      async (text, protocol) => {
        const headers = [`Cookie: ${text}`, `X-Forwarded-Proto: ${protocol}`];
        const answer = await ask(larder, { path: "/account", headers });
        if (answer.status !== 200) return expect([303, 400, 431]).toContain(answer.status);
        signedIn++;
        const name = protocol === "https" ? "__Host-larder_session" : "larder_session";
        expect(text).toMatch(new RegExp(`(?:^|;)\\s*${name}\\s*=\\s*${secret}\\s*(?:;|$)`));
      },
    ),
    { numRuns: 500, examples: [[`larder_session=${secret}`, ""]] },
  );
  expect(signedIn).toBeGreaterThan(10);
});

test("with a thousand cookies, or of a megabyte, none of them is taken for one of ours", async () => {
  for (const cookie of [
    Array.from({ length: 1_000 }, (_, index) => `a${index}=b`).join("; "),
    `larder_session=${"x".repeat(1_000_000)}`,
    ";".repeat(10_000),
    "=".repeat(10_000),
  ])
    expect([303, 400, 431]).toContain(
      (await ask(larder, { path: "/account", headers: [`Cookie: ${cookie}`] })).status,
    );
});

test("a form is taken from a page of this very session only, wherever its browser says that it comes from", async () => {
  const origin = fc.oneof(
    near(`http://${host}`),
    fc.constantFrom(
      "null",
      "http://evil.example",
      `http://${host}.evil.example`,
      `http://evil.example/#${host}`,
    ),
    headerText,
  );
  const site = fc.oneof(
    fc.constantFrom(undefined, "same-origin", "same-site", "cross-site", "none", "SAME-ORIGIN", ""),
    headerText,
  );
  const token = mostly(csrf, fc.oneof(near(csrf), fc.constant("0".repeat(csrf.length)), fieldText));
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.option(origin, { nil: undefined }),
      site,
      token,
      mostly(host, fc.constantFrom("evil.example", "cache.test:80")),
      async (origin, site, token, host) => {
        const headers = [
          `Host: ${host}`,
          `Cookie: larder_session=${secret}`,
          ...(origin === undefined ? [] : [`Origin: ${origin}`]),
          ...(site === undefined ? [] : [`Sec-Fetch-Site: ${site}`]),
        ];
        const form = [
          ["csrf", token],
          ["id", "none"],
        ] as const;
        const path = "/account/tokens/revoke";
        const answer = await ask(larder, { method: "POST", path, headers, form });
        // There is no such token, which only who is let in is told.
        if (answer.status !== 404) return expect([400, 403, 413, 431]).toContain(answer.status);
        taken++;
        expect(token).toBe(csrf);
        if (site !== undefined) expect(site.trim()).toBe("same-origin");
        else expect(URL.parse((origin ?? "").trim())?.host).toBe(new URL(`http://${host}`).host);
      },
    ),
    { numRuns: 500, examples: [[`http://${host}`, undefined, csrf, host]] },
  );
  expect(taken).toBeGreaterThan(10);
});

test("no Host leads anybody away, and none that is no name is answered with more than a refusal", async () => {
  const name = fc.oneof(
    headerText,
    near(host),
    fc.constantFrom("evil.example", "[::1]", "a@b", "a b", "%2f"),
  );
  const path = fc.constantFrom(
    "/",
    "/account",
    "/sign-in",
    "/turborepo/token",
    "//turborepo/token?redirect_uri=x",
  );
  await fc.assert(
    fc.asyncProperty(name, path, headerText, async (text, path, protocol) => {
      const headers = [`Host: ${text}`, `X-Forwarded-Proto: ${protocol}`, `X-Forwarded-Host: ${text}`];
      const { status } = await ask(larder, { path, headers });
      expect([200, 303, 400, 431]).toContain(status);
    }),
    { numRuns: 200 },
  );
});

const ways = fc.oneof(
  fieldText.map((text) => text.slice(0, 3_000)),
  fc.constantFrom(
    "//evil.example",
    "/\\evil.example",
    "/..//evil.example",
    "https://evil.example",
    "/konto/€\u{1f600}",
    "/%2f/evil.example",
  ),
  fc
    .tuple(fc.constantFrom("/", "//", "/.", "/\t/", "\\", "http:"), fieldText)
    .map((parts) => parts.join("").slice(0, 3_000)),
);

test("after a sign-in nobody is led away, however the way there is written", async () => {
  await fc.assert(
    fc.asyncProperty(ways, fc.constantFrom("next", "next[]", "Next"), async (text, name) => {
      const headers = [`Cookie: larder_session=${secret}`];
      const answer = await ask(larder, { path: `/sign-in${queryOf([[name, text]])}`, headers });
      expect([303, 400]).toContain(answer.status);
      // The same for who is not yet signed in, and for single sign-on.
      await ask(larder, { path: `/sign-in${queryOf([[name, text]])}` });
    }),
    { numRuns: 200 },
  );
});

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
      const answer = await ask(larder, {
        method: "POST",
        path: "/sign-in",
        headers: [`Origin: ${larder.url}`, newAddress()],
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
  const headers = [`Origin: ${larder.url}`, newAddress()];
  // Whoever guesses at an account slows it down everywhere, so another one has to show that this is a way in.
  await using beside = identityBeside(larder.dataFolder);
  await beside.users.create({ email: "bob@example.org", password: right[1] });
  const signIn = await ask(larder, {
    method: "POST",
    path: "/sign-in",
    headers,
    form: [["email", "bob@example.org"], ...form.slice(1)],
  });
  expect([signIn.status, hasSession(signIn), signIn.headers.get("location")]).toEqual([
    303,
    true,
    "/account",
  ]);
});

test.each(["/setup", "/password"])("no code but that of a link does anything at %s", async (path) => {
  await using beside = identityBeside(larder.dataFolder);
  await beside.users.createPasswordLink(administrator.email, 60_000);
  const before = [usersThere(), sessionsThere()];
  const code = fc.oneof(near(setupSecret(larder)), fieldText);
  const password = fc.oneof(fc.constant(`${marker} ${marker}`), fieldText);
  await fc.assert(
    fc.asyncProperty(code, password, fieldText, async (secret, password, text) => {
      const answer = await ask(larder, {
        method: "POST",
        path,
        headers: [`Origin: ${larder.url}`],
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
      const headers = [`Cookie: larder_session=${secret}`, `Origin: ${larder.url}`];
      expect([200, 400, 403]).toContain((await ask(larder, { path, headers })).status);
      const form = [
        ["csrf", isRight ? csrf : `${csrf}x`],
        ["decision", "allow"],
      ] as const;
      const answer = await ask(larder, { method: "POST", path, headers, form }, isThisComputer);
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
  expect(given).toBeGreaterThan(1);
});

test("only who comes back from the provider with what was sent is signed in", async () => {
  const begun = await ask(
    larder,
    { path: "/sign-in/oidc?next=/account" },
    ({ origin }) => origin === provider.issuer,
  );
  const cookie = begun.headers.get("set-cookie")?.split(";")[0] as string;
  const [cookieName, cookieValue] = cookie.split("=") as [string, string];
  const back = provider.approve(new URL(begun.headers.get("location") as string));
  const state = back.searchParams.get("state") as string;
  const planted = (change: Record<string, unknown>) =>
    Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(cookieValue, "base64url").toString()), ...change }),
    ).toString("base64url");
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
        const answer = await ask(larder, {
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
        // The verifier is for the provider to compare, and this one does not.
        const { nonce, state: begunState } = JSON.parse(Buffer.from(value, "base64url").toString());
        expect({ nonce, state: begunState }).toEqual({ nonce: nonceOf(cookieValue), state });
      },
    ),
    { numRuns: 200, examples: [[[], true, cookieValue]] },
  );
  expect(signedIn).toBeGreaterThan(0);
});

test("and in the end nothing of it stands in the log or the database, and nothing was a fault", async () => {
  expect(await client.isSignedIn()).toBe(true);
  await expectNoTraces(larder, secret, administrator.password);
});
