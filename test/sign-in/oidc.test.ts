import { expect, test } from "bun:test";
import { join } from "node:path";
import { identityBeside } from "../identity/beside.ts";
import {
  emptyEnvironment,
  type LarderOptions,
  larderCommand,
  type RunningLarder,
  run,
  startLarder,
} from "../larder.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { type LyingProvider, startLyingProvider } from "./lying-provider.ts";

const rules = "domain:example.org=default:member,group:ops=admin,group:lost=nowhere:member";
const callbackPath = "/sign-in/oidc/callback";

function startWith(provider: { issuer: string }, options: LarderOptions = {}): Promise<RunningLarder> {
  return startLarder({
    ...options,
    env: {
      LARDER_OIDC_ISSUER: provider.issuer,
      LARDER_OIDC_CLIENT_ID: "larder",
      LARDER_OIDC_CLIENT_SECRET: "the client's secret",
      LARDER_OIDC_NAME: "Example <ID>",
      LARDER_OIDC_ACCESS: rules,
      ...options.env,
    },
  });
}

/** Its users and their teams, as its database has them. */
async function usersOf(larder: RunningLarder) {
  await using beside = identityBeside(larder.dataFolder);
  return await Promise.all(
    (await beside.users.list()).map(async ({ id, email, role }) => ({
      email,
      role,
      teams: (await beside.members.teamsOf(id)).map(({ team, role: teamRole }) => `${team.slug}:${teamRole}`),
    })),
  );
}

/** What a browser would have at the end of the provider's page: where it is sent, and the cookie that it brings. */
async function begin(
  larder: RunningLarder,
  provider: LyingProvider,
  query = "",
  headers: Record<string, string> = {},
) {
  const answer = await fetch(`${larder.url}/sign-in/oidc${query}`, { redirect: "manual", headers });
  expect(answer.status).toBe(303);
  const setCookie = answer.headers.get("set-cookie") as string;
  return {
    setCookie,
    cookie: setCookie.split(";")[0] as string,
    authorizationUrl: new URL(answer.headers.get("location") as string),
    back: provider.approve(new URL(answer.headers.get("location") as string)),
  };
}

/** Comes back from the provider. */
async function finish(url: URL, cookie: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, { redirect: "manual", headers: { cookie, ...headers } });
}

function cookieNamed(answer: Response, name: string): string | undefined {
  return answer.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`));
}

test("whoever the provider vouches for is signed in, and lands on the page that was asked for", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const { back, cookie, authorizationUrl } = await begin(larder, provider, "?next=/account?a=b");
  expect(authorizationUrl.searchParams.get("redirect_uri")).toBe(larder.url + callbackPath);
  const answer = await finish(back, cookie);
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/account?a=b");
  const session = cookieNamed(answer, "larder_session")?.split(";")[0] as string;
  const account = await fetch(`${larder.url}/account`, { headers: { cookie: session } });
  expect(await account.text()).toContain("ann@example.org");
  expect(await usersOf(larder)).toEqual([
    { email: "ann@example.org", role: "member", teams: ["default:member"] },
  ]);
});

test("the cookie of a sign-in is for that alone, and gone when it ends, well or not", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const { setCookie, back, cookie } = await begin(larder, provider);
  expect(setCookie).toMatch(
    /^larder_oidc=[\w.-]+; Path=\/sign-in\/oidc; Max-Age=600; HttpOnly; SameSite=Lax$/,
  );
  expect(cookieNamed(await finish(back, cookie), "larder_oidc")).toMatch(
    /^larder_oidc=; Path=\/sign-in\/oidc; Max-Age=0;/,
  );
  back.searchParams.set("state", "another");
  expect(cookieNamed(await finish(back, cookie), "larder_oidc")).toMatch(/^larder_oidc=; /);
});

test("behind HTTPS and under a path the redirect URI is that of publicUrl, and the cookie is Secure", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider, {
    args: ["--public-url", "https://cache.example.com/larder", "--base-path", "/larder"],
  });
  const { setCookie, authorizationUrl, back, cookie } = await begin(larder, provider);
  expect(authorizationUrl.searchParams.get("redirect_uri")).toBe(
    `https://cache.example.com/larder${callbackPath}`,
  );
  expect(setCookie).toMatch(
    /^__Host-larder_oidc=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  );
  const answer = await finish(new URL(larder.url + callbackPath + back.search), cookie);
  expect(answer.headers.get("location")).toBe("/larder/dashboard");
  expect(cookieNamed(answer, "__Host-larder_session")).toContain("; Secure");
  expect(provider.tokenRequests[0]?.get("redirect_uri")).toBe(
    `https://cache.example.com/larder${callbackPath}`,
  );
});

test.each([
  "//evil.example",
  "/\\evil.example",
  "https://evil.example/",
  "/..//evil.example",
  "%09//evil.example",
  `/${"a".repeat(5_000)}`,
])("a sign-in leads nowhere else: next=%s", async (next) => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const { back, cookie } = await begin(larder, provider, `?next=${next}`);
  expect(begunIn(cookie).next).toBe("/dashboard");
  const answer = await finish(back, cookie);
  expect(answer.headers.get("location")).toBe("/dashboard");
});

/** What the cookie of a sign-in holds. */
function begunIn(cookie: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(cookie.split(/[=.]/)[1] as string, "base64url").toString());
}

/** The cookie of a sign-in with other contents, and the seal that it had. */
function changed(cookie: string, change: Record<string, unknown>): string {
  const text = Buffer.from(JSON.stringify({ ...begunIn(cookie), ...change })).toString("base64url");
  return `larder_oidc=${text}.${cookie.split(".")[1]}`;
}

test.each([
  [
    "another state",
    (back: URL) => void back.searchParams.set("state", "another"),
    (cookie: string) => cookie,
  ],
  ["no cookie", () => {}, () => ""],
  ["a cookie that is none of ours", () => {}, () => "larder_oidc=bm9uc2Vuc2U"],
  ["a cookie that leads elsewhere than ours", () => {}, (cookie: string) => changed(cookie, { next: "/" })],
  [
    "a cookie that is newer than ours",
    () => {},
    (cookie: string) => changed(cookie, { begunAt: (begunIn(cookie).begunAt as number) + 1 }),
  ],
  ["a cookie without its seal", () => {}, (cookie: string) => cookie.split(".")[0] as string],
  [
    "a cookie without a state",
    (back: URL) => void back.searchParams.delete("state"),
    (cookie: string) => changed(cookie, { state: "" }),
  ],
])("a callback with %s signs nobody in", async (_, changeUrl, changeCookie) => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const { back, cookie } = await begin(larder, provider);
  changeUrl(back);
  const answer = await finish(back, changeCookie(cookie));
  expect(answer.status).toBe(400);
  expect(cookieNamed(answer, "larder_session")).toBeUndefined();
  expect(await answer.text()).toContain("Start again");
  expect(provider.asked).not.toContain("/token");
  expect(await usersOf(larder)).toEqual([]);
});

test("the session that a browser had before is another one afterwards, and counts no more", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const first = await begin(larder, provider);
  const before = cookieNamed(await finish(first.back, first.cookie), "larder_session")?.split(
    ";",
  )[0] as string;
  const second = await begin(larder, provider);
  const answer = await finish(second.back, `${second.cookie}; ${before}`);
  const after = cookieNamed(answer, "larder_session")?.split(";")[0] as string;
  expect(after).not.toBe(before);
  const status = async (cookie: string) =>
    (await fetch(`${larder.url}/account`, { redirect: "manual", headers: { cookie } })).status;
  expect([await status(before), await status(after)]).toEqual([303, 200]);
});

test("a user who has been disabled gets in no more", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const first = await begin(larder, provider);
  await finish(first.back, first.cookie);
  const { exitCode } = await larder.cli("user", "set", "ann@example.org", "--state", "disabled");
  expect(exitCode).toBe(0);
  const again = await begin(larder, provider);
  const answer = await finish(again.back, again.cookie);
  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain("Your account is disabled");
  expect(cookieNamed(answer, "larder_session")).toBeUndefined();
});

test("a provider that is down is told of in plain words, and asked again when it is back", async () => {
  await using provider = await startLyingProvider();
  const down = () => new Response("down", { status: 502 });
  provider.lies = { answers: { "/.well-known/openid-configuration": down } };
  await using larder = await startWith(provider);
  expect(provider.asked).toEqual([]);
  const answer = await fetch(`${larder.url}/sign-in/oidc?next=/account`, { redirect: "manual" });
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("60");
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(await answer.text()).toContain("Example &lt;ID&gt; cannot be reached");
  provider.lies = {};
  const { back, cookie } = await begin(larder, provider);
  expect((await finish(back, cookie)).status).toBe(303);
  await larder.stop();
  expect(larder.stderr()).toContain("status 502");
});

test("whoever repeats a callback has the provider asked thirty times in a minute, and can come back later", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  provider.lies = { claims: { nonce: "another" } };
  const { back, cookie } = await begin(larder, provider);
  const answers: Response[] = [];
  const beganAt = performance.now();
  while (answers.at(-1)?.status !== 429) answers.push(await finish(back, cookie));
  const asked = provider.tokenRequests.length;
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(asked);
  // A slow machine may take seconds for them, in each two of which one more may come.
  expect(asked).toBeWithin(30, 31 + (performance.now() - beganAt) / 2_000);
  const answer = answers.at(-1) as Response;
  expect(answer.headers.get("retry-after")).toMatch(/^[12]$/);
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(await answer.text()).toContain("load this page again");
});

test("what a provider says of an error is shown as text", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const { back, cookie } = await begin(larder, provider);
  back.searchParams.delete("code");
  back.searchParams.set("error", "access_denied");
  back.searchParams.set("error_description", '<script>alert("x")</script>');
  const answer = await finish(back, cookie);
  expect(answer.status).toBe(403);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const text = await answer.text();
  expect(text).toContain("access_denied, &lt;script&gt;");
  expect(text).not.toContain("<script");
});

test("codes, tokens, cookies and secrets stay out of the log, the pages and the database", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider, { args: ["--log-level", "debug"] });
  const pages: string[] = [];
  for (const claims of [{}, { nonce: "another" }, { email: "eve@evil.example" }]) {
    provider.lies = { claims };
    const { back, cookie } = await begin(larder, provider);
    pages.push(await (await finish(back, cookie)).text());
  }
  await larder.stop();
  const files = await Array.fromAsync(
    new Bun.Glob("larder.db*").scan({ cwd: larder.dataFolder, absolute: true }),
  );
  const stored = (await Promise.all(files.map((file) => Bun.file(file).bytes()))).map((bytes) =>
    Buffer.from(bytes).toString("latin1"),
  );
  const everything = [larder.stdout(), larder.stderr(), ...pages, ...stored].join("\n");
  expect(everything).toContain("nonce");
  expect(everything).not.toMatch(/the-code|the-access-token|eyJ|the client's secret|larder_oidc=\w/);
});

test("the sign-in page has a button for it, which keeps the page that was asked for", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  const text = await (await fetch(`${larder.url}/sign-in?next=/account?a=b`)).text();
  expect(text).toContain("Sign in with Example &lt;ID&gt;");
  expect(text).toContain("With single sign-on, or with the password");
  expect(text).toContain('href="/sign-in/oidc?next=%2Faccount%3Fa%3Db"');
});

test("without the settings there is no such route, and other methods than GET are not allowed on it", async () => {
  await using plain = await startLarder();
  expect((await fetch(`${plain.url}/sign-in/oidc`)).status).toBe(404);
  expect(await (await fetch(`${plain.url}/sign-in`)).text()).not.toContain("Sign in with");
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  for (const path of ["/sign-in/oidc", callbackPath]) {
    const answer = await fetch(larder.url + path, { method: "POST" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET"]);
  }
});

test("a team that a rule names and that is not there is warned of at start, and when somebody signs in", async () => {
  await using provider = await startLyingProvider();
  await using larder = await startWith(provider);
  provider.lies = { claims: { groups: ["lost"] } };
  const { back, cookie } = await begin(larder, provider);
  expect((await finish(back, cookie)).status).toBe(303);
  await larder.stop();
  const warnings = larder
    .stderr()
    .split("\n")
    .filter((line) => line.includes('"nowhere"'));
  expect(warnings).toHaveLength(2);
});

test("an issuer without a client id, or the other way round, stops the start and says what is missing", async () => {
  using folder = temporaryFolder();
  const env = emptyEnvironment(folder.path);
  for (const setting of [
    { LARDER_OIDC_ISSUER: "https://id.example.com" },
    { LARDER_OIDC_CLIENT_ID: "larder" },
  ]) {
    const command = [...larderCommand, "serve", "--port", "0", "--data", join(folder.path, "data")];
    const { exitCode, stderr } = await run(command, { cwd: folder.path, env: { ...env, ...setting } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("oidcIssuer and oidcClientId go together");
  }
});
