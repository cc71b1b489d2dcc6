import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { chromium } from "../known-tools.ts";
import type { RunningLarder } from "../larder.ts";
import { createToken } from "../protocols/turbo/client.ts";
import { blobFileOf, sha256Of } from "../server/holdings.ts";
import { administrator, type SiteClient, startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { accessibilityProblems, eventually, launchChromium, patienceMs } from "./browser.ts";
import { arrive, beforeAnswer, Visitors, visit } from "./visitors.ts";

const artifacts = 120;

describeWith(chromium, "the dashboard", (path) => {
  let browser: Browser;
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let larder: RunningLarder;
  let client: SiteClient;
  let visitors: Visitors;

  beforeAll(async () => {
    [browser, started] = await Promise.all([launchChromium(path), startSetUp()]);
    ({ larder, client } = started);
    visitors = new Visitors(browser);
    // What a build does: ask, put, and ask again.
    await Promise.all(Array.from({ length: artifacts }, (_, index) => put(larder, index)));
    for (let index = 0; index < 5; index++) expect((await get(larder, hashOf(index))).status).toBe(200);
    expect((await get(larder, "ffffffffffffffff")).status).toBe(404);
    await counted(client);
  });
  afterEach(() => visitors.leave());
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
  });

  const openPage = (options: BrowserContextOptions = {}, site = client) => visitors.open(site, options);
  const open = (page: Page, route: string, title: string) => visit(page, larder.url, route, title);

  test("shows the figures that the API has", async () => {
    const page = await openPage();
    await open(page, "/", "Overview");
    const { totals, storage } = (await (await client.get("/api/v1/overview")).json()) as {
      totals: Record<string, number>;
      storage: Record<string, number>;
    };
    expect(totals).toMatchObject({ remoteHits: 5, remoteMisses: 1, uploads: artifacts });
    const rate = page.locator("section", { has: page.getByRole("heading", { name: "Hit rate" }) });
    expect(await rate.textContent()).toContain("83.3%");
    expect(await rate.textContent()).toContain("5 of 6 tasks");
    const traffic = page.locator("section", { has: page.getByRole("heading", { name: "Traffic" }) }).first();
    expect(await traffic.textContent()).toContain(`${artifacts} uploads`);
    expect(storage.artifacts).toBe(artifacts);
    // The chart's figures are there for those who do not see it.
    await page.getByRole("button", { name: "As table: Tasks" }).click();
    await page.getByRole("table", { name: "Tasks" }).getByRole("cell", { name: "5", exact: true }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test("shows what happens while one looks at it", async () => {
    const page = await openPage();
    await open(page, "/", "Overview");
    await page.getByText("Live", { exact: true }).waitFor();
    const rate = page.locator("section", { has: page.getByRole("heading", { name: "Hit rate" }) });
    await rate.getByText("5 of 6 tasks").waitFor();
    expect((await get(larder, hashOf(7))).status).toBe(200);
    await rate.getByText("6 of 7 tasks").waitFor();
  });

  test("shows uploads and purges among the artifacts, and in the audit log, while one looks at them", async () => {
    await using fresh = await startSetUp();
    const told = await openPage({}, fresh.client);
    // Never asks by itself, so that all that it shows is what it was told of.
    await told.addInitScript(
      "{ const every = setInterval; window.setInterval = (work, ms) => (ms < 10_000 ? every(work, ms) : 0); }",
    );
    await visit(told, fresh.larder.url, "/artifacts", "Artifacts");
    await told.getByText("Live", { exact: true }).waitFor();
    for (const index of [1, 2]) {
      await put(fresh.larder, index);
      await told.getByRole("link", { name: hashOf(index) }).waitFor();
    }

    const page = await openPage({}, fresh.client);
    await page.clock.install();
    await visit(page, fresh.larder.url, "/artifacts", "Artifacts");
    await page.getByRole("link", { name: hashOf(2) }).waitFor();
    /** Time goes on until the page has asked again. */
    const until = async (isThere: () => Promise<boolean>) => {
      for (const deadline = Date.now() + patienceMs; !(await isThere()); ) {
        if (Date.now() > deadline) throw new Error("The page does not follow.");
        await page.clock.fastForward(16_000);
      }
    };
    expect((await fresh.larder.cli("purge", "--team", "default", "--yes")).exitCode).toBe(0);
    await until(() => page.getByText("The cache is empty").isVisible());

    await visit(page, fresh.larder.url, "/audit", "Audit log");
    await fresh.larder.cli("team", "create", "late");
    await until(() => page.getByRole("cell", { name: "team.create" }).isVisible());
    for (const each of [told, page]) await each.context().close();
  });

  test("asks now and then where no stream of events comes through", async () => {
    visitors.expectRefusals(429);
    const page = await openPage();
    await page.route("**/api/v1/live*", (route) => route.fulfill({ status: 429 }));
    await page.clock.install();
    await open(page, "/", "Overview");
    await page.getByText("Polling", { exact: true }).waitFor();
    const rate = page.locator("section", { has: page.getByRole("heading", { name: "Hit rate" }) });
    const before = await rate.textContent();
    expect((await get(larder, hashOf(8))).status).toBe(200);
    const deadline = Date.now() + patienceMs;
    while ((await rate.textContent()) === before && Date.now() < deadline)
      await page.clock.fastForward(16_000);
    expect(await rate.textContent()).not.toBe(before);
  });

  test("asks a server in the same house also when the browser takes itself for offline", async () => {
    const page = await openPage();
    await open(page, "/", "Overview");
    await page.evaluate(() => window.dispatchEvent(new Event("offline")));
    await page.getByRole("link", { name: "Artifacts" }).click();
    await arrive(page, "Artifacts");
    await page.locator("tbody tr").nth(49).waitFor();
  });

  test("leads whoever is signed out meanwhile to sign in, and back", async () => {
    visitors.expectRefusals(401);
    const page = await openPage();
    await open(page, "/runs", "Runs");
    // Whatever it asks for signed out leads away from where it is: not before it is where the test wants it.
    await beforeAnswer(
      page,
      ({ pathname }) => pathname.endsWith("/artifacts"),
      () => page.context().clearCookies(),
    );
    await page.getByRole("link", { name: "Artifacts" }).click();
    await page.waitForURL(/\/sign-in\?/);
    expect(new URL(page.url()).searchParams.get("next")).toBe("/dashboard/artifacts");
    await page.getByLabel("E-mail address").fill(administrator.email);
    await page.getByLabel("Password").fill(administrator.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Artifacts" }).waitFor();
  });

  test("lies below a base path with all of its links", async () => {
    await using fresh = await startSetUp({ args: ["--base-path", "/cache"] });
    const page = await openPage({}, fresh.client);
    await page.goto(`${fresh.larder.url}/dashboard/teams`);
    await page.getByRole("link", { name: "Default" }).click();
    await page.getByRole("heading", { level: 1, name: "Default" }).waitFor();
    expect(page.url()).toBe(`${fresh.larder.url}/dashboard/teams/default`);
    await page.locator("summary").click();
    const account = page.getByRole("link", { name: "Account, password and sessions" });
    expect(await account.getAttribute("href")).toBe("/cache/account");
    await page.getByRole("link", { name: "The API, for scripts" }).click();
    await page.waitForURL(`${fresh.larder.url}/api`);
    await page.goBack();
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${fresh.larder.url}/sign-in**`);
    await page.context().close();
  });

  test("says in the server's words what went wrong, and tries again", async () => {
    visitors.expectRefusals(503);
    const page = await openPage();
    const message = "The database is locked. Try again in a moment.";
    await page.route("**/api/v1/teams", (route) =>
      route.fulfill({ status: 503, json: { code: "unavailable", message } }),
    );
    await page.goto(`${larder.url}/dashboard/teams`);
    expect(await page.getByRole("alert").textContent()).toContain(message);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.unroute("**/api/v1/teams");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: "Default" }).waitFor();
  });

  test("lists many artifacts page by page, finds them by hash, and purges one", async () => {
    const page = await openPage();
    await open(page, "/artifacts", "Artifacts");
    const rows = page.locator("tbody tr");
    await eventually(() => rows.count(), 50);
    await page.getByRole("button", { name: "Show more" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 100);
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByText(`That is all: ${artifacts}.`).waitFor();

    await page.getByLabel("Hash begins with").fill(hashOf(3));
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
    expect(page.url()).toContain(`hash=${hashOf(3)}`);
    await page.getByRole("link", { name: hashOf(3) }).click();
    await page.getByRole("heading", { level: 1, name: "Artifact" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    expect(await Bun.file(await download.path()).text()).toBe(contentOf(3));

    await page.getByRole("button", { name: "Purge" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.textContent()).toContain(hashOf(3));
    expect(
      await dialog.getByRole("button", { name: "Cancel" }).evaluate((one) => one === document.activeElement),
    ).toBe(true);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(
      await page.getByRole("button", { name: "Purge" }).evaluate((one) => one === document.activeElement),
    ).toBe(true);
    await page.getByRole("button", { name: "Purge" }).click();
    await dialog.getByRole("button", { name: "Purge" }).click();
    await page.getByText("Purged", { exact: true }).waitFor();
    expect((await get(larder, hashOf(3))).status).toBe(404);
  });

  test("looks for artifacts by three characters of a hash or more, and says so", async () => {
    const page = await openPage();
    await open(page, `/artifacts?hash=${hashOf(4).slice(0, 2)}`, "Artifacts");
    await page.getByText("A hash is looked for by three characters or more").waitFor();
    expect(await page.getByRole("table").count()).toBe(0);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel("Hash begins with").fill(hashOf(4).slice(0, 3));
    await page.getByRole("link", { name: hashOf(4) }).waitFor();
  });

  test("goes on by itself where a part of the artifacts has none that fits, and says that it searches", async () => {
    const page = await openPage();
    const item = (await (await client.get(`/api/v1/artifacts?hash=${hashOf(4)}`)).json()).items[0];
    const later = Promise.withResolvers<void>();
    await page.route("**/api/v1/artifacts?*", async (route) => {
      const cursor = new URL(route.request().url()).searchParams.get("cursor");
      if (cursor === "second") await later.promise;
      const pages: Record<string, object> = {
        first: { items: [], nextCursor: "second" },
        second: { items: [item], nextCursor: "third" },
      };
      await route.fulfill({ json: pages[cursor ?? ""] ?? { items: [], nextCursor: "first" } });
    });
    await open(page, "/artifacts?scope=pr-1", "Artifacts");
    await page.getByText("Nothing fits so far. Searching on.").waitFor();
    expect(await page.getByRole("table").count()).toBe(0);
    later.resolve();
    await page.getByRole("link", { name: hashOf(4) }).waitFor();
    await page.getByRole("button", { name: "Show more" }).waitFor();
    expect(await page.getByText("Searching on.").count()).toBe(0);
  });

  test("marks artifacts whose bytes are damaged, and offers nobody to download them", async () => {
    await using fresh = await startSetUp();
    for (const index of [1, 2]) await put(fresh.larder, index);
    truncateSync(join(fresh.larder.dataFolder, "blobs", blobFileOf(sha256Of(contentOf(1)))));
    expect((await get(fresh.larder, hashOf(1))).status).toBe(404);
    const page = await openPage({}, fresh.client);
    await visit(page, fresh.larder.url, "/artifacts", "Artifacts");
    await page
      .getByRole("row", { name: hashOf(1) })
      .getByText("quarantined", { exact: true })
      .waitFor();
    expect(await page.getByText("quarantined", { exact: true }).count()).toBe(1);
    await page.getByRole("link", { name: hashOf(1) }).click();
    await arrive(page, "Artifact");
    await page.getByText("Clients get a miss, and nobody can download it.").waitFor();
    await page.getByRole("button", { name: "Purge" }).waitFor();
    expect(await page.getByRole("link", { name: "Download" }).count()).toBe(0);
    await page.context().close();
  });

  test("shows trusted artifacts alone", async () => {
    await using fresh = await startSetUp();
    const untrusted = await createToken(fresh.larder, "default", "write", "--scope", "pr-1");
    await put(fresh.larder, 1);
    await put(fresh.larder, 2, untrusted.token);
    const page = await openPage({}, fresh.client);
    await visit(page, fresh.larder.url, "/artifacts", "Artifacts");
    await page.getByText("That is all: 2.").waitFor();
    await page.getByLabel("Trust").selectOption("Trusted only");
    await page.getByText("That is the only one.").waitFor();
    await page.getByRole("link", { name: hashOf(1) }).waitFor();
    expect(await page.getByLabel("Scope").count()).toBe(0);
    await page.getByLabel("Trust").selectOption("Trusted or not");
    await page.getByLabel("Scope").fill("pr-1");
    await page.getByText("That is the only one.").waitFor();
    await page.getByRole("link", { name: hashOf(2) }).waitFor();
    await page.context().close();
  });

  test("tells a run's tasks", async () => {
    // One task that only this cache had, and one that the machine had itself.
    expect((await get(larder, hashOf(7))).status).toBe(200);
    await report(larder, [
      { source: "LOCAL", event: "MISS", hash: hashOf(7) },
      { source: "REMOTE", event: "HIT", hash: hashOf(7) },
      { source: "LOCAL", event: "HIT", hash: hashOf(8) },
    ]);
    const id = await runWithLocalHit(client);
    const page = await openPage();
    await open(page, "/runs", "Runs");
    await page.locator(`tbody a[href$="/runs/${id}"]`).first().click();
    await page.getByRole("heading", { level: 1, name: "Run" }).waitFor();
    await page.getByRole("cell", { name: "remote hit" }).first().waitFor();
    // More happens in a run than it has tasks, and both figures say what they count.
    const fact = (name: string) => page.locator(`dt:text-is("${name}") + dd`).textContent();
    expect(Number.parseInt((await fact("Tasks")) as string, 10)).toBe(2);
    expect(Number(await fact("Events"))).toBe(3);
    await page.getByRole("table", { name: "Events of this run" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test("makes a token that works, shows it once, and revokes it", async () => {
    const page = await openPage();
    await open(page, "/tokens", "Tokens");
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("made in a browser");
    await dialog.getByRole("button", { name: "Create token" }).click();
    const secret = (await dialog.getByText(/^lrd_\w+$/).textContent()) as string;
    expect(await dialog.textContent()).toContain(`export TURBO_TOKEN="${secret}"`);
    // The line for a script asks the API with it, and is let in.
    const line = (await dialog.getByText(/^curl /).textContent()) as string;
    const [, name, value, url] = /^curl -H "([^:]+): ([^"]+)" "([^"]+)"$/.exec(line) ?? [];
    const answer = await fetch(url as string, { headers: { [name as string]: value as string } });
    expect(await answer.json()).toMatchObject({ kind: "token", token: { name: "made in a browser" } });
    expect(await accessibilityProblems(page)).toEqual([]);
    expect((await get(larder, hashOf(1), secret)).status).toBe(200);
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Revoke made in a browser" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("The token “made in a browser” is revoked.").waitFor();
    expect(await page.content()).not.toContain(secret);
    expect((await get(larder, hashOf(1), secret)).status).toBe(401);
  });

  test("has the buttons of a dialog in sight however small the screen is", async () => {
    const page = await openPage({ viewport: { width: 360, height: 480 } });
    await open(page, "/tokens", "Tokens");
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    const isTall = await dialog.evaluate((element) => element.scrollHeight > element.clientHeight);
    expect(isTall).toBe(true);
    const name = dialog.getByLabel("Name");
    const bottomOf = async (locator: Locator) => {
      const box = await locator.boundingBox();
      return box ? box.y + box.height : Number.NaN;
    };
    for (const button of ["Cancel", "Create token"])
      expect(await bottomOf(dialog.getByRole("button", { name: button }))).toBeLessThan(480);
    // Nothing of the form shows beneath them.
    const end = dialog.locator("div", { has: page.getByRole("button", { name: "Cancel" }) }).last();
    expect(Math.abs((await bottomOf(end)) - (await bottomOf(dialog)))).toBeLessThan(2);
    // Nor do they lie over a field that one comes to by keyboard.
    await name.focus();
    for (let step = 0; step < 4; step++) {
      await page.keyboard.press("Tab");
      const focused = dialog.locator("input:focus, select:focus");
      const top = (await dialog.getByRole("button", { name: "Cancel" }).boundingBox())?.y as number;
      expect(await bottomOf(focused)).toBeLessThanOrEqual(top);
    }
    await name.fill("small screen");
    await dialog.getByRole("button", { name: "Create token" }).click();
    const done = dialog.getByRole("button", { name: "Done" });
    await done.waitFor();
    expect(await bottomOf(done)).toBeLessThan(480);
    await done.click();
  });

  test("lets a token end with a day of the reader's clock", async () => {
    const page = await openPage({ timezoneId: "America/New_York" });
    await open(page, "/tokens", "Tokens");
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("to the end of winter");
    expect(await dialog.getByLabel("Last day").count()).toBe(0);
    await dialog.getByLabel("Expires").selectOption("At the end of a day");
    await dialog.getByText("by your clock (America/New_York)").waitFor();
    const create = dialog.getByRole("button", { name: "Create token" });
    // Of what is over, and of nothing, there is no end to come.
    for (const day of ["", "2020-01-01"]) {
      await dialog.getByLabel("Last day").fill(day);
      await create.click();
      expect(await dialog.locator("input:invalid").count()).toBe(1);
    }
    await dialog.getByLabel("Last day").fill("2099-03-08");
    await create.click();
    await dialog.getByText(/^lrd_\w+$/).waitFor();
    const { items } = await (await client.get("/api/v1/tokens")).json();
    const made = items.find(({ name }: { name: string }) => name === "to the end of winter");
    // The clocks go forward on that day.
    expect(made.expiresAt).toBe("2099-03-09T04:00:00.000Z");
    await dialog.getByRole("button", { name: "Done" }).click();
  });

  test("makes a team, changes its settings, and says what is wrong with them", async () => {
    const page = await openPage();
    await open(page, "/teams", "Teams");
    await page.getByRole("button", { name: "New team" }).click();
    const dialog = page.getByRole("dialog");
    visitors.expectRefusals(400);
    await dialog.getByLabel("Slug").fill("Not A Slug");
    await dialog.getByRole("button", { name: "Create team" }).click();
    expect(await dialog.getByRole("alert").textContent()).toContain("slug");
    await dialog.getByLabel("Slug").fill("mobile");
    await dialog.getByRole("button", { name: "Create team" }).click();
    await page.getByRole("heading", { level: 1, name: "mobile" }).waitFor();

    const quota = page.getByLabel("Quota", { exact: true });
    // Taken for bytes, these would empty the team.
    for (const wrong of ["50", "1.5b", "much"]) {
      await quota.fill(wrong);
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("This is no size with its unit. Write one such as 50GiB, or nothing.").waitFor();
      await quota.fill("");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("This is no size").waitFor({ state: "detached" });
    }
    await page.getByLabel("Artifacts go when unused for").fill("30");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("This is no time with its unit.").waitFor();
    await page.getByLabel("Artifacts go when unused for").fill("");
    await quota.fill("5 GiB");
    await page.getByLabel("Refuse uploads without a signature").check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("0B of 5GiB").waitFor();
    const { stdout } = await larder.cli("team", "show", "mobile", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ quotaBytes: 5 * 2 ** 30, requireTag: true });

    await page.getByRole("button", { name: "Delete team" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete team" }).click();
    await page.getByRole("heading", { level: 1, name: "Teams" }).waitFor();
    await page.getByRole("link", { name: "mobile" }).waitFor({ state: "detached" });
  });

  test("makes a CI policy for a provider, and a user with a link", async () => {
    const page = await openPage();
    await open(page, "/policies", "CI policies");
    await page.getByRole("button", { name: "New policy" }).click();
    await page.getByLabel("Repository").fill("acme/web");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText("pr-{repository}-{number}").waitFor();
    await eventually(() => page.locator("tbody tr").count(), 2);

    await page.getByRole("button", { name: "New policy" }).click();
    await dialog.getByLabel("CI service").selectOption("circleci");
    expect(await dialog.getByLabel("Audience").count()).toBe(0);
    await dialog.getByLabel("CI service").selectOption("gitlab");
    await dialog.getByLabel("Repository").fill("acme/app");
    await dialog.getByLabel("Audience").fill("the-cache");
    await dialog.getByLabel("Tokens last").fill("30");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByText("This is no time with its unit.").waitFor();
    await dialog.getByLabel("Tokens last").fill("30m");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByText('aud: "the-cache"').waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText("30m", { exact: true }).first().waitFor();
    const { items } = await (await client.get("/api/v1/policies")).json();
    const mine = items.filter(({ name }: { name: string }) => name.startsWith("gitlab acme/app"));
    expect(mine).toHaveLength(2);
    for (const policy of mine)
      expect(policy).toMatchObject({ audience: "the-cache", tokenMaxAgeMs: 1_800_000 });

    await open(page, "/users", "Users");
    await page.getByRole("button", { name: "New user" }).click();
    await page.getByLabel("E-mail address").fill("bob@example.org");
    await page.getByRole("button", { name: "Create user" }).click();
    const link = (await page.getByText(/\/password#lrl_/).textContent()) as string;
    expect(link).toStartWith(`${larder.url}/password#lrl_`);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Edit bob@example.org" }).click();
    await page.getByLabel("State").selectOption("disabled");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("disabled", { exact: true }).waitFor();
  });

  test("needs no mouse", async () => {
    const page = await openPage();
    await open(page, "/", "Overview");
    const focusedId = () => page.evaluate(() => document.activeElement?.id);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await eventually(focusedId, "main");
    const menu = page.locator("summary");
    await menu.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await page.keyboard.press("Escape");
    expect(await menu.evaluate((one) => one === document.activeElement)).toBe(true);
    await page.getByRole("link", { name: "Tokens" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
    await eventually(focusedId, "main");
  });

  test("has a menu where there is no room for one", async () => {
    const page = await openPage({ viewport: { width: 320, height: 640 } });
    await open(page, "/", "Overview");
    const button = page.getByRole("button", { name: "Pages" });
    expect(await page.getByRole("link", { name: "Runs" }).isVisible()).toBe(false);
    await button.click();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
    await eventually(() => button.getAttribute("aria-expanded"), "false");
  });

  test("shows a member nothing that only others may do", async () => {
    const { stdout } = await larder.cli("user", "create", "kim@example.org", "--team", "default=viewer");
    const page = await openPage();
    await page.context().clearCookies();
    await page.goto(stdout.trim());
    await page.getByLabel("New password", { exact: true }).fill("the password of kim");
    await page.getByLabel("New password, once more").fill("the password of kim");
    await page.getByRole("button", { name: "Set password and sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();
    expect(links).toEqual(["Overview", "Runs", "Artifacts", "Connect", "Teams", "Tokens"]);
    await page.getByRole("link", { name: "Artifacts" }).click();
    await page.getByText("Show more").waitFor();
    expect(await page.getByRole("button", { name: "Purge many" }).count()).toBe(0);
    await page.getByRole("link", { name: "Teams" }).click();
    await page.getByRole("link", { name: "Default" }).click();
    await page.getByRole("heading", { level: 1, name: "Default" }).waitFor();
    expect(await page.getByRole("button", { name: "Save" }).count()).toBe(0);
  });

  test("guides from an empty server to the first hit", async () => {
    await using fresh = await startSetUp();
    const page = await openPage({}, fresh.client);
    await page.goto(`${fresh.larder.url}/dashboard`);
    await page.getByRole("heading", { level: 1, name: "Welcome to larder" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel("Name").fill("Platform");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator("strong", { hasText: "Platform" }).waitFor();
    await page.reload();
    await page.locator("strong", { hasText: "Platform" }).waitFor();
    await page.getByRole("button", { name: "Create a token" }).click();
    const secret = (await page.getByText(/^lrd_\w+$/).textContent()) as string;
    await page.getByText("waiting for the first upload").waitFor();
    await put(fresh.larder, 1, secret);
    await page.getByText("waiting for the first hit").waitFor();
    expect((await get(fresh.larder, hashOf(1), secret)).status).toBe(200);
    await page.getByRole("heading", { level: 1, name: "Your first hit" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole("button", { name: "Show the overview" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.context().close();
  });

  test("guides whoever keeps the team's name, and follows what comes to another team", async () => {
    await using fresh = await startSetUp();
    const guide = async () => {
      const page = await openPage({}, fresh.client);
      await page.goto(`${fresh.larder.url}/dashboard`);
      await page.getByRole("heading", { level: 1, name: "Welcome to larder" }).waitFor();
      return page;
    };
    const page = await guide();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Create a token" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Create a token" }).waitFor();
    expect(await page.getByRole("button", { name: "Continue" }).count()).toBe(0);

    // At another browser nobody has said so.
    const other = await guide();
    await other.getByRole("button", { name: "Continue" }).waitFor();
    await fresh.larder.cli("team", "create", "elsewhere");
    await put(fresh.larder, 1, (await createToken(fresh.larder, "elsewhere")).token, "elsewhere");
    await other.getByText("waiting for the first hit").waitFor();
    expect(await other.getByRole("heading", { level: 2 }).allTextContents()).toEqual([
      "Name your team (done)",
      "Connect a repository (done)",
      "Build twice",
    ]);
    await other.getByRole("button", { name: "Create a token" }).waitFor();
    await other.getByRole("button", { name: "Change" }).click();
    await other.getByRole("button", { name: "Continue" }).waitFor();
    for (const each of [page, other]) await each.context().close();
  });

  test("is of use on an empty server for whoever skips the guide", async () => {
    await using fresh = await startSetUp();
    const page = await openPage({}, fresh.client);
    await page.goto(`${fresh.larder.url}/dashboard`);
    await page.getByRole("button", { name: "Skip the guide" }).click();
    await page.getByText("No task has asked the cache in this time.").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    for (const [route, words] of [
      ["/runs", "No runs"],
      ["/artifacts", "The cache is empty"],
      ["/policies", "No CI policies"],
    ] as const) {
      await page.goto(`${fresh.larder.url}/dashboard${route}`);
      await page.getByText(words, { exact: true }).waitFor();
    }
    await page.context().close();
  });
});

/** Waits until all of that is in the figures, which are written a moment later. */
async function counted(client: SiteClient): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const { totals } = (await (await client.get("/api/v1/overview")).json()) as {
      totals: Record<string, number>;
    };
    if (totals.uploads === artifacts && totals.remoteHits === 5 && totals.remoteMisses === 1) return;
    if (Date.now() > deadline) throw new Error(`Not counted: ${JSON.stringify(totals)}`);
  }
}

/** Resolves with its id as soon as it is written. */
async function runWithLocalHit(client: SiteClient): Promise<number> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
    const { items } = (await (await client.get("/api/v1/runs")).json()) as {
      items: { id: number; localHits: number }[];
    };
    const run = items.find(({ localHits }) => localHits > 0);
    if (run) return run.id;
  }
  throw new Error("No run has a local hit.");
}

/** As turbo does at the end of a run. */
async function report(larder: RunningLarder, events: object[]): Promise<void> {
  const answer = await fetch(`${larder.url}/v8/artifacts/events?slug=default`, {
    method: "POST",
    headers: { authorization: `Bearer ${larder.firstToken}`, "content-type": "application/json" },
    body: JSON.stringify(
      events.map((event) => ({ sessionId: "a run of a test", duration: 1_500, ...event })),
    ),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

function hashOf(index: number): string {
  return Bun.hash(`artifact ${index}`).toString(16).padStart(16, "0");
}

function contentOf(index: number): string {
  return `content ${index}`;
}

async function put(
  larder: RunningLarder,
  index: number,
  token = larder.firstToken,
  team = "default",
): Promise<void> {
  const answer = await fetch(`${larder.url}/v8/artifacts/${hashOf(index)}?slug=${team}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "x-artifact-duration": "1500" },
    body: contentOf(index),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

function get(larder: RunningLarder, hash: string, token = larder.firstToken): Promise<Response> {
  return fetch(`${larder.url}/v8/artifacts/${hash}?slug=default`, {
    headers: { authorization: `Bearer ${token}` },
  });
}
