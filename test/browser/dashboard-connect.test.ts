import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Monorepo } from "../clients/monorepo.ts";
import { currentTurbo } from "../clients/turbo-client.ts";
import { chromium } from "../known-tools.ts";
import { run } from "../larder.ts";
import { startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { copied, launchChromium } from "./browser.ts";
import { arrive, Visitors, visit } from "./visitors.ts";

setDefaultTimeout(120_000);

describeWith(chromium, "what the dashboard gives to paste", (path) => {
  let browser: Browser;
  let visitors: Visitors;

  beforeAll(async () => {
    browser = await launchChromium(path);
    visitors = new Visitors(browser);
  });
  afterEach(() => visitors.leave());
  afterAll(() => browser.close());

  /** The lines to copy have it as soon as it is shown. */
  async function makeToken(page: Page): Promise<string> {
    await page.getByRole("button", { name: "Create a token" }).click();
    return (await page.getByText(/^lrd_\w+$/).textContent()) as string;
  }

  /** Builds in a shell into which that was pasted before, and whose environment has nothing else of the cache. */
  async function buildAfter(repo: Monorepo, lines: string): Promise<string> {
    const { stdout, stderr, exitCode } = await run(
      ["sh", "-ec", `${lines}\nexec "$0" run build --skip-infer`, repo.turbo.binary],
      { cwd: repo.folder, env: repo.environment() },
    );
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout + stderr).toContain("Remote caching enabled");
    return stdout + stderr;
  }

  test("connects turbo: in the shell, or in turbo.json with the token alone", async () => {
    await using started = await startSetUp({ args: ["--base-path", "/cache"] });
    const { larder, client } = started;
    await larder.cli("team", "create", "web");
    const page = await visitors.open(client);
    await visit(page, larder.url, "/connect?team=web", "Connect");
    const secret = await makeToken(page);

    await using repo = await Monorepo.create(currentTurbo());
    const shell = await copied(page, "In the shell");
    expect(await buildAfter(repo, shell)).toContain("0 cached, 4 total");
    await repo.forget();
    expect(await buildAfter(repo, shell)).toContain("FULL TURBO");
    await repo.forget();
    const json = await copied(
      page,
      "Or in turbo.json, so that only TURBO_TOKEN has to be in the environment",
    );
    const file = Bun.file(join(repo.folder, "turbo.json"));
    await Bun.write(file, (await file.text()).replace("{", `{${json},`));
    expect(await buildAfter(repo, `export TURBO_TOKEN="${secret}"`)).toContain("FULL TURBO");
    const { items } = (await (await client.get("/api/v1/artifacts?team=default")).json()) as {
      items: unknown[];
    };
    expect(items).toEqual([]);
    await page.context().close();
  });

  test("leads from an empty server to the first hit of a real build, and each one after it is seen at once", async () => {
    await using started = await startSetUp();
    const { larder, client } = started;
    const page = await visitors.open(client);
    await page.goto(`${larder.url}/dashboard`);
    await arrive(page, "Welcome to larder");
    await page.getByLabel("Name").fill("Platform");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("waiting for the first upload").waitFor();
    await makeToken(page);
    const shell = await copied(page, "In the shell");

    await using repo = await Monorepo.create(currentTurbo());
    expect(await buildAfter(repo, shell)).toContain("0 cached, 4 total");
    await page.getByText("waiting for the first hit").waitFor();
    await repo.forget();
    expect(await buildAfter(repo, shell)).toContain("FULL TURBO");
    await arrive(page, "Your first hit");
    await page.getByRole("button", { name: "Show the overview" }).click();
    await arrive(page, "Overview");
    await page.getByText("4 of 8 tasks").waitFor();
    let loads = 0;
    page.on("load", () => loads++);
    await repo.forget();
    expect(await buildAfter(repo, shell)).toContain("FULL TURBO");
    await page.getByText("8 of 12 tasks").waitFor();
    expect(await buildAfter(repo, shell)).toContain("FULL TURBO");
    await page.getByText("12 of 16 tasks").waitFor();
    expect(loads).toBe(0);
    await page.context().close();
  });
});
