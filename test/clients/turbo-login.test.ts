import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { User } from "../../src/identity/users.ts";
import { accessibilityProblems, launchChromium, openContext, untilFocused } from "../browser/browser.ts";
import { identityBeside } from "../identity/beside.ts";
import { chromium, oldTurbo, turboVersions } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { createToken } from "../protocols/turbo/client.ts";
import { rowsOf } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { describeWith } from "../tools.ts";
import { Monorepo } from "./monorepo.ts";
import { allowLogin, password, signIn } from "./sign-in.ts";
import { currentTurbo, findTurbo, type TurboClient } from "./turbo-client.ts";
import { runTurbo, startTurbo } from "./turbo-terminal.ts";
import { takeTurn } from "./turn.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();
/** Stands between tests for where `turbo login` waits for the browser, whatever the user sets. */
const loginTurn = 9788;
/** Where it waits for `--sso-team`, which its user may choose, and what stands for that: no port that others get by chance. */
const ssoPort = 9787;
const ssoTurn = 9786;
const downKey = "\u001b[B";
const email = "ann@example.org";

describeWith(chromium, "turbo login in a browser", (path) => {
  let larder: RunningLarder;
  let identity: ReturnType<typeof identityBeside>;
  let browser: Browser;
  let ann: User;

  beforeAll(async () => {
    larder = await startLarder();
    identity = identityBeside(larder.dataFolder);
    browser = await launchChromium(path);
    ann = await identity.users.create({ email, name: "Ann", password });
    for (const slug of ["web", "docs"]) {
      const team = await identity.teams.create({ slug, name: `The ${slug}` });
      await identity.members.set(team.id, ann.id, "member");
    }
  });
  afterAll(async () => {
    await browser.close();
    await identity[Symbol.asyncDispose]();
    await larder[Symbol.asyncDispose]();
  });

  /** Where turbo keeps its token. */
  function configFile(repo: Monorepo) {
    return Bun.file(join(repo.environment().TURBO_CONFIG_DIR_PATH as string, "turborepo/config.json"));
  }

  async function keepToken(repo: Monorepo, token: string): Promise<void> {
    await configFile(repo).write(JSON.stringify({ token }));
  }

  async function keptToken(repo: Monorepo): Promise<string | undefined> {
    const file = configFile(repo);
    return (await file.exists()) ? ((await file.json()) as { token?: string }).token : undefined;
  }

  async function login(
    repo: Monorepo,
    args: string[] = [],
  ): Promise<{ url: string; output: string; shown: string | null }> {
    using _ = await takeTurn(loginTurn);
    await using turbo = await startTurbo(repo, ["login", ...args], { url: larder.url });
    await using context = await openContext(browser);
    const page = await context.newPage();
    const url = await turbo.opened;
    await allowLogin(page, url, email);
    await page.waitForURL(/\/turborepo\/success$/);
    const { exitCode, output } = await turbo.ended;
    expect([exitCode, output]).toEqual([0, expect.stringContaining("Success!")]);
    return { url, output, shown: await page.getByRole("main").textContent() };
  }

  test("signs turbo in, links a repository, builds from the cache, and signs out", async () => {
    await using repo = await Monorepo.create(turbo);
    const { output, shown } = await login(repo);
    expect(output).toContain("Turborepo CLI authorized for ann@example.org");
    expect(shown).toContain("turbo is signed in");
    const token = (await keptToken(repo)) as string;
    expect(token).toStartWith("lrd_");
    // Its log is written twice a second.
    await until(larder.url, () => larder.stderr().includes("/turborepo/token"));
    expect(larder.stderr() + larder.stdout()).not.toContain(token);

    const at = { url: larder.url };
    const linked = await runTurbo(repo, ["link", "--yes", "--scope", "web"], at);
    expect([linked.exitCode, linked.output]).toEqual([0, expect.stringContaining("The web")]);
    const remote = { ...at, env: { TURBO_CACHE: "remote:rw" } };
    const cold = await runTurbo(repo, ["run", "build"], remote);
    expect(cold.output).toContain("Remote caching enabled");
    expect(cold.output).toContain("0 cached, 4 total");
    expect((await runTurbo(repo, ["run", "build"], remote)).output).toContain("FULL TURBO");
    const hashes = rowsOf(
      larder.dataFolder,
      "SELECT hash FROM artifacts JOIN teams ON teams.id = team_id WHERE slug = 'web'",
    );
    expect(hashes).toHaveLength(4);

    expect((await runTurbo(repo, ["unlink"], at)).exitCode).toBe(0);
    expect((await runTurbo(repo, ["run", "build"], remote)).output).toContain("Remote caching disabled");
    const out = await runTurbo(repo, ["logout"], at);
    expect([out.exitCode, out.output]).toEqual([0, expect.stringContaining("Logged out")]);
    expect(await keptToken(repo)).toBeUndefined();
    expect(await tokenOf(token)).toMatchObject({ revokedAt: expect.any(Number), userId: ann.id });
  });

  test("keeps a login that is valid, and begins a new one when it has expired or was revoked, or with --force", async () => {
    await using repo = await Monorepo.create(turbo);
    await login(repo);
    const first = (await keptToken(repo)) as string;
    const again = await runTurbo(repo, ["login"], { url: larder.url });
    expect([again.exitCode, again.output]).toEqual([0, expect.stringContaining("Using existing login")]);
    expect(await keptToken(repo)).toBe(first);

    await identity.tokens.revoke(first);
    expect((await login(repo)).output).toContain(
      "Stored token is no longer active, proceeding with new login",
    );
    const second = await keptToken(repo);
    expect(second).not.toBe(first);

    const { id, secret: expired } = await identity.tokens.create({
      userId: ann.id,
      name: "expired",
      permission: "admin",
    });
    await identity.expireToken(id);
    await keepToken(repo, expired);
    await login(repo);
    expect(await keptToken(repo)).not.toBe(expired);

    const third = (await keptToken(repo)) as string;
    await login(repo, ["--force"]);
    expect(await keptToken(repo)).not.toBe(third);
    expect(await tokenOf(third)).toMatchObject({ revokedAt: null });
  });

  test("gives nothing to a turbo that was denied", async () => {
    await using repo = await Monorepo.create(turbo);
    // Last uses of others are written down meanwhile.
    const tokenIds = async () => (await identity.tokens.list({ userId: ann.id })).map(({ id }) => id);
    const before = await tokenIds();
    using _ = await takeTurn(loginTurn);
    await using waiting = await startTurbo(repo, ["login"], { url: larder.url });
    await using context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(await waiting.opened);
    await signIn(page, email);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Denied" }).waitFor();
    expect(await tokenIds()).toEqual(before);
    expect(await keptToken(repo)).toBeUndefined();
  });

  test("signs in under a path prefix with a slash at its end, without a script, and by keyboard alone", async () => {
    await using prefixed = await startLarder({ args: ["--base-path", "/cache"] });
    await using beside = identityBeside(prefixed.dataFolder);
    await beside.users.create({ email, password, role: "admin" });
    await using repo = await Monorepo.create(turbo);
    using _ = await takeTurn(loginTurn);
    await using waiting = await startTurbo(repo, ["login"], { url: `${prefixed.url}/` });
    await using context = await openContext(browser, { javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(await waiting.opened);
    await untilFocused(page, "#email");
    await page.keyboard.type(email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Allow" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${prefixed.url}/turborepo/success`);
    expect((await waiting.ended).output).toContain("authorized for ann@example.org");
  });

  test.each(["light", "dark"] as const)(
    "everybody can use its pages, when they are %s",
    async (colorScheme) => {
      await using context = await openContext(browser, { colorScheme });
      const page = await context.newPage();
      const asked = new URLSearchParams({ redirect_uri: "http://127.0.0.1:9789" });
      await page.goto(`${larder.url}/turborepo/token?${asked}`);
      await signIn(page, email);
      await page.getByRole("button", { name: "Allow" }).waitFor();
      const team = (teamId: string) => new URLSearchParams({ teamId, next: "http://127.0.0.1:9789" });
      for (const route of [
        `/turborepo/token?${asked}`,
        "/turborepo/token",
        "/turborepo/success",
        `/api/auth/sso?${team("web")}`,
        `/api/auth/sso?${team("not-mine")}`,
      ]) {
        await page.goto(larder.url + route);
        expect([route, await accessibilityProblems(page)]).toEqual([route, []]);
      }
    },
  );

  test("--sso-team signs in for a team, and sends the browser nowhere else", async () => {
    await using repo = await Monorepo.create(turbo);
    using _ = await takeTurn(ssoTurn);
    await using waiting = await startTurbo(repo, ["login", "--sso-team", "web"], ssoOptions());
    await using context = await openContext(browser);
    const page = await context.newPage();
    const visited = hostsOf(page);
    await page.goto(await waiting.opened);
    await signIn(page, email);
    await page.getByRole("main").getByText("wants a token of yours for team The web").waitFor();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByText("Your answer has gone to turbo").waitFor();
    const { exitCode, output } = await waiting.ended;
    expect([exitCode, output]).toEqual([0, expect.stringContaining("authorized for ann@example.org")]);
    expect([...visited].sort()).toEqual([new URL(larder.url).host, `127.0.0.1:${ssoPort}`].sort());

    const token = (await keptToken(repo)) as string;
    expect(await tokenOf(token)).toMatchObject({
      userId: ann.id,
      name: expect.stringContaining("Turbo CLI on "),
    });
    const again = await runTurbo(repo, ["login", "--sso-team", "web"], ssoOptions());
    expect([again.exitCode, again.output]).toEqual([0, expect.stringContaining("Using existing login")]);
    const linked = await runTurbo(repo, ["link", "--yes", "--scope", "docs"], { url: larder.url });
    expect([linked.exitCode, linked.output]).toEqual([0, expect.stringContaining("The docs")]);
  });

  test.each([
    ["web", "Deny"],
    ["not-mine", "Back to turbo"],
  ])("--sso-team %s ends with an error after %s", async (slug, button) => {
    await using repo = await Monorepo.create(turbo);
    using _ = await takeTurn(ssoTurn);
    await using waiting = await startTurbo(repo, ["login", "--sso-team", slug], ssoOptions());
    await using context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(await waiting.opened);
    await signIn(page, email);
    await page.getByRole("button", { name: button }).click();
    const { exitCode, output } = await waiting.ended;
    expect([exitCode, output]).toEqual([1, expect.stringContaining("login callback returned an error")]);
    expect(await keptToken(repo)).toBeUndefined();
  });

  test("is refused by turbo where turbo.json alone says the addresses, as docs/turbo.md tells; link and logout are not", async () => {
    const remoteCache = { apiUrl: larder.url, loginUrl: larder.url };
    await using repo = await Monorepo.create(turbo, { remoteCache });
    const at = { url: larder.url, env: { TURBO_API: undefined, TURBO_LOGIN: undefined } };
    const { exitCode, output } = await runTurbo(repo, ["login"], at);
    expect([exitCode, output]).toEqual([1, expect.stringContaining("Refusing")]);
    const { token } = await createToken(larder, "docs", "write");
    await keepToken(repo, token);
    const linked = await runTurbo(repo, ["link", "--yes", "--scope", "docs"], at);
    expect([linked.exitCode, linked.output]).toEqual([0, expect.stringContaining("The docs")]);
    expect((await runTurbo(repo, ["logout"], at)).exitCode).toBe(0);
    expect(await keptToken(repo)).toBeUndefined();
  });

  test("--manual asks for address, team and token, and keeps what it was told", async () => {
    await using repo = await Monorepo.create(turbo);
    const { token } = await createToken(larder, "web", "write");
    const { exitCode, output } = await runTurbo(repo, ["login", "--manual"], {
      url: larder.url,
      env: { TURBO_API: undefined, TURBO_LOGIN: undefined },
      answers: [
        ["Remote Cache URL: ", `${larder.url}\r`],
        ["> id", `${downKey}\r`],
        ["Team slug: ", "web\r"],
        ["Enter token: ", `${token}\r`],
      ],
    });
    expect([exitCode, output]).toEqual([0, expect.stringContaining("Enter token: [hidden]")]);
    expect(await keptToken(repo)).toBe(token);
    const remote = { url: larder.url, env: { TURBO_CACHE: "remote:rw", TURBO_API: undefined } };
    await runTurbo(repo, ["run", "build"], remote);
    expect((await runTurbo(repo, ["run", "build"], remote)).output).toContain("FULL TURBO");
  });

  test("link works with a token of a team's own, and logout leaves it to the others that have it", async () => {
    await using repo = await Monorepo.create(turbo);
    const { token } = await createToken(larder, "docs", "write");
    await keepToken(repo, token);
    const linked = await runTurbo(repo, ["link", "--yes", "--scope", "docs"], { url: larder.url });
    expect([linked.exitCode, linked.output]).toEqual([0, expect.stringContaining("The docs")]);
    const out = await runTurbo(repo, ["logout"], { url: larder.url });
    expect([out.exitCode, await keptToken(repo)]).toEqual([0, undefined]);
    expect(await tokenOf(token)).toMatchObject({ revokedAt: null });
  });

  for (const version of turboVersions) {
    describeWith(oldTurbo(version), `with turbo ${version}`, (oldPath) => {
      const old = findTurbo(dirname(dirname(oldPath))) as TurboClient;
      const hasState = Bun.semver.order(version, "2.9.14") >= 0;
      /** It takes the answer that the token is not active for an end. */
      const isRefusedAnew = Bun.semver.order(version, "2.5.8") <= 0;

      test("signs in, links, builds from the cache and signs out", async () => {
        await using repo = await Monorepo.create(old);
        const { url } = await login(repo);
        expect(new URL(url).searchParams.has("state")).toBe(hasState);
        const token = (await keptToken(repo)) as string;
        expect(await tokenOf(token)).toMatchObject({ userId: ann.id });

        const at = { url: larder.url };
        // `--yes` and `--scope` came between these; before, turbo lists the user first and then the teams by name.
        const linksByFlags = Bun.semver.order(version, "2.5.8") >= 0;
        const linked = await runTurbo(
          repo,
          linksByFlags ? ["link", "--yes", "--scope", "web"] : ["link"],
          linksByFlags
            ? at
            : {
                ...at,
                answers: [
                  ["[y/n]", "y"],
                  ["Ann", "The web\r"],
                ],
              },
        );
        expect([linked.exitCode, linked.output]).toEqual([
          0,
          expect.stringContaining("authorized for The web"),
        ]);
        const noDaemon = Bun.semver.order(version, "2.9.0") < 0 ? ["--no-daemon"] : [];
        const remote = { ...at, env: { TURBO_REMOTE_ONLY: "true" } };
        await runTurbo(repo, ["run", "build", ...noDaemon], remote);
        expect((await runTurbo(repo, ["run", "build", ...noDaemon], remote)).output).toContain("FULL TURBO");

        const out = await runTurbo(repo, ["logout"], at);
        expect([out.exitCode, out.output]).toEqual([0, expect.stringContaining("Logged out")]);
        expect(await keptToken(repo)).toBeUndefined();
        // Before 2.9 it asked for that only when told to.
        if (hasState) expect((await tokenOf(token))?.revokedAt).toBeNumber();
      });

      test("keeps a login that is valid, of somebody in several teams", async () => {
        await using repo = await Monorepo.create(old);
        await login(repo);
        const token = await keptToken(repo);
        const { exitCode, output } = await runTurbo(repo, ["login"], { url: larder.url });
        expect([exitCode, output]).toEqual([0, expect.stringMatching(/existing (token found|login)/i)]);
        expect(await keptToken(repo)).toBe(token);
      });

      test("begins anew where its token was revoked, if need be with --force, as docs/turbo.md tells", async () => {
        await using repo = await Monorepo.create(old);
        await login(repo);
        const revoked = (await keptToken(repo)) as string;
        await identity.tokens.revoke(revoked);
        if (isRefusedAnew) {
          const { exitCode, output } = await runTurbo(repo, ["login"], { url: larder.url });
          // It asks two things at once, and tells of the refusal that comes first.
          expect([exitCode, output]).toEqual([
            1,
            expect.stringMatching(/token is not active|401 Unauthorized/),
          ]);
          expect(await keptToken(repo)).toBe(revoked);
        }
        await login(repo, isRefusedAnew ? ["--force"] : []);
        const token = (await keptToken(repo)) as string;
        expect(token).not.toBe(revoked);
        expect(await tokenOf(token)).toMatchObject({ userId: ann.id, revokedAt: null });
      });

      test("--sso-team signs in for a team", async () => {
        await using repo = await Monorepo.create(old);
        using _ = await takeTurn(loginTurn);
        await using waiting = await startTurbo(repo, ["login", "--sso-team", "web"], { url: larder.url });
        await using context = await openContext(browser);
        await allowLogin(await context.newPage(), await waiting.opened, email);
        expect((await waiting.ended).output).toContain("authorized for ann@example.org");
        expect(await tokenOf((await keptToken(repo)) as string)).toMatchObject({ userId: ann.id });
      });
    });
  }

  /** This turn has a port of its own, which turbo lets its user choose for `--sso-team`. */
  function ssoOptions() {
    return { url: larder.url, env: { TURBO_SSO_LOGIN_CALLBACK_PORT: String(ssoPort) } };
  }

  async function tokenOf(secret: string) {
    return await identity.logins.find(secret);
  }
});

/** The hosts that a page asks, also where it is refused to. */
function hostsOf(page: Page): Set<string> {
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  return hosts;
}
