import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium, openContext } from "../browser/browser.ts";
import { identityBeside } from "../identity/beside.ts";
import { chromium } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { describeWith } from "../tools.ts";
import { Monorepo } from "./monorepo.ts";
import { allowLogin, password } from "./sign-in.ts";
import { currentTurbo } from "./turbo-client.ts";
import { runTurbo, startTurbo } from "./turbo-terminal.ts";
import { takeTurn } from "./turn.ts";

setDefaultTimeout(60_000);

const turbo = currentTurbo();
/** Where `turbo login` waits for the browser, whatever the user sets; and what stands for it between tests. */
const loginTurn = 9788;
const email = "ann@example.org";

describeWith(chromium, "turbo login in a browser", (path) => {
  let larder: RunningLarder;
  let identity: ReturnType<typeof identityBeside>;
  let browser: Browser;

  beforeAll(async () => {
    larder = await startLarder();
    identity = identityBeside(larder.dataFolder);
    browser = await launchChromium(path);
    const { id } = await identity.users.create({ email, name: "Ann", password });
    for (const slug of ["web", "docs"]) {
      const team = await identity.teams.create({ slug, name: `The ${slug}` });
      await identity.members.set(team.id, id, "member");
    }
  });
  afterAll(async () => {
    await browser.close();
    await identity[Symbol.asyncDispose]();
    await larder[Symbol.asyncDispose]();
  });

  /** The token that turbo keeps. */
  async function keptToken(repo: Monorepo): Promise<string | undefined> {
    const file = Bun.file(join(repo.environment().TURBO_CONFIG_DIR_PATH as string, "turborepo/config.json"));
    return (await file.exists()) ? ((await file.json()) as { token?: string }).token : undefined;
  }

  async function login(repo: Monorepo, args: string[] = []): Promise<{ output: string; shown: string }> {
    using _ = await takeTurn(loginTurn);
    await using turbo = await startTurbo(repo, ["login", ...args], { url: larder.url });
    await using context = await openContext(browser);
    const page = await context.newPage();
    await allowLogin(page, await turbo.opened, email);
    await page.waitForURL(/\/turborepo\/success$/);
    const { exitCode, output } = await turbo.ended;
    expect([exitCode, output]).toEqual([0, expect.stringContaining("Success!")]);
    return { output, shown: await page.innerText("main") };
  }

  test("signs turbo in, links a repository, builds from the cache, and signs out", async () => {
    await using repo = await Monorepo.create(turbo);
    const { output, shown } = await login(repo);
    expect(output).toContain("Turborepo CLI authorized for ann@example.org");
    expect(shown).toContain("turbo is signed in");
    const token = (await keptToken(repo)) as string;
    expect(token).toStartWith("lrd_");

    const at = { url: larder.url };
    const linked = await runTurbo(repo, ["link", "--yes", "--scope", "web"], at);
    expect([linked.exitCode, linked.output]).toEqual([0, expect.stringContaining("The web")]);
    const remote = { ...at, env: { TURBO_CACHE: "remote:rw" } };
    const cold = await runTurbo(repo, ["run", "build"], remote);
    expect(cold.output).toContain("Remote caching enabled");
    expect(cold.output).toContain("0 cached, 4 total");
    expect((await runTurbo(repo, ["run", "build"], remote)).output).toContain("FULL TURBO");
  });
});
