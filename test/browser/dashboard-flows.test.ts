import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { startIssuer } from "../identity/test-issuer.ts";
import { chromium } from "../known-tools.ts";
import type { RunningLarder } from "../larder.ts";
import { createToken, TurboClient } from "../protocols/turbo/client.ts";
import { startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { copied, eventually, launchChromium, patienceMs } from "./browser.ts";
import { arrive, Visitors, visit } from "./visitors.ts";

const metricsToken = "a-secret-of-the-settings";

describeWith(chromium, "an administrator with a browser", (path) => {
  let browser: Browser;
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let larder: RunningLarder;
  let visitors: Visitors;

  beforeAll(async () => {
    [browser, started] = await Promise.all([
      launchChromium(path),
      startSetUp({
        env: { LARDER_MAX_SIZE: "5GB", LARDER_METRICS_TOKEN: metricsToken },
        args: ["--min-free", "1MB"],
      }),
    ]);
    larder = started.larder;
    visitors = new Visitors(browser);
  });
  afterEach(() => visitors.leave());
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
  });

  async function openAt(route: string, title: string): Promise<Page> {
    const page = await visitors.open(started.client);
    await visit(page, larder.url, route, title);
    return page;
  }

  const turboOf = (token: string, team: string) => new TurboClient(larder.url, token, "/v8", `?slug=${team}`);

  test("revokes a token that fell into the wrong hands, and purges what it wrote and nothing else", async () => {
    const stolen = await createToken(larder, "default");
    const thief = turboOf(stolen.token, "default");
    const owner = turboOf(larder.firstToken, "default");
    for (const [client, hash] of [
      [thief, "aaaaaaaaaaaaaaa1"],
      [thief, "aaaaaaaaaaaaaaa2"],
      [owner, "bbbbbbbbbbbbbbb1"],
    ] as const)
      expect((await client.put(hash, `content of ${hash}`)).status).toBe(202);

    const page = await openAt("/tokens", "Tokens");
    await page.getByRole("button", { name: "Revoke default write" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Purge what it wrote, too: 2 artifacts").check();
    await dialog.getByRole("button", { name: "Revoke and purge" }).click();
    await page
      .getByText("The token “default write” is revoked, and 2 artifacts that it wrote purged.")
      .waitFor();
    expect((await thief.get("bbbbbbbbbbbbbbb1")).status).toBe(401);
    expect((await owner.get("aaaaaaaaaaaaaaa1")).status).toBe(404);
    expect((await owner.get("aaaaaaaaaaaaaaa2")).status).toBe(404);
    expect(await (await owner.get("bbbbbbbbbbbbbbb1")).text()).toBe("content of bbbbbbbbbbbbbbb1");
    await page.getByLabel("State").selectOption("revoked");
    const row = page.getByRole("row").filter({ hasText: "default write" });
    await page.waitForURL((url) => url.searchParams.get("state") === "revoked");
    await row.getByRole("button", { name: /^Revoke/ }).waitFor({ state: "detached" });
    await row.getByRole("button", { name: "default write" }).click();
    await dialog.getByText("revoked", { exact: true }).waitFor();
  });

  test("purges what fits, and nothing before it was told how much that is", async () => {
    await larder.cli("team", "create", "shelves");
    const [kept, other] = [await createToken(larder, "shelves"), await createToken(larder, "shelves")];
    const keeper = turboOf(kept.token, "shelves");
    const writer = turboOf(other.token, "shelves");
    expect((await keeper.put("1111111111111111", "kept")).status).toBe(202);
    for (const hash of ["2222222222222221", "2222222222222222"])
      expect((await writer.put(hash, `${hash}${"x".repeat(1008)}`)).status).toBe(202);

    const page = await openAt("/artifacts?team=shelves&scope=pr-1", "Artifacts");
    await page.getByRole("button", { name: "Purge many" }).click();
    const dialog = page.getByRole("dialog");
    const count = () => dialog.getByRole("button", { name: "Count" }).click();
    // It begins with what the list is narrowed to.
    await eventually(() => dialog.getByLabel("Team").inputValue(), "shelves");
    await eventually(() => dialog.getByLabel("Scope").inputValue(), "pr-1");
    await count();
    await dialog.getByText("Nothing fits.").waitFor();
    await dialog.getByLabel("Scope").fill("");
    await dialog.getByLabel("Written by").fill(other.id);
    await dialog.getByLabel("Unused for").fill("soon");
    await count();
    await dialog.getByText("This is no time with its unit.").waitFor();
    await dialog.getByLabel("Unused for").fill("0s");
    await count();
    await dialog.getByRole("heading", { name: "Purge 2 artifacts?" }).waitFor();
    expect(await dialog.textContent()).toContain("2 artifacts of team shelves would go, and 2KiB be free.");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect((await writer.get("2222222222222221")).status).toBe(200);

    await page.getByRole("button", { name: "Purge many" }).click();
    await dialog.getByLabel("Scope").fill("");
    await dialog.getByLabel("Written by").fill(other.id);
    await count();
    await dialog.getByRole("button", { name: "Purge 2 artifacts" }).click();
    await page.getByText("2 artifacts purged, and 2KiB freed.").waitFor();
    expect((await writer.get("2222222222222221")).status).toBe(404);
    expect((await writer.get("2222222222222222")).status).toBe(404);
    expect(await (await keeper.get("1111111111111111")).text()).toBe("kept");
  });

  test("purges what was written in a time, or for trusted work alone", async () => {
    await larder.cli("team", "create", "times");
    const trusted = turboOf((await createToken(larder, "times")).token, "times");
    const scoped = await createToken(larder, "times", "write", "--scope", "pr-9");
    const untrusted = turboOf(scoped.token, "times");
    expect((await trusted.put("4444444444444441", "trusted")).status).toBe(202);
    expect((await untrusted.put("4444444444444442", "untrusted")).status).toBe(202);
    const page = await visitors.open(started.client, { timezoneId: "America/Los_Angeles" });
    await visit(page, larder.url, "/artifacts?team=times&trust=trusted", "Artifacts");
    await page.getByRole("button", { name: "Purge many" }).click();
    const dialog = page.getByRole("dialog");
    const count = () => dialog.getByRole("button", { name: "Count" }).click();
    const inLosAngeles = (atMs: number) =>
      new Date(atMs)
        .toLocaleString("sv-SE", { timeZone: "America/Los_Angeles" })
        .replace(" ", "T")
        .slice(0, 16);
    // More than the one hour that a clock there has twice in autumn.
    const marginMs = 2 * 3_600_000;
    await dialog.getByLabel("Written before").fill(inLosAngeles(Date.now() - marginMs));
    await count();
    await dialog.getByText("Nothing fits.").waitFor();
    await dialog.getByLabel("Written before").fill(inLosAngeles(Date.now() + marginMs));
    await dialog.getByLabel("Written after").fill(inLosAngeles(Date.now() - marginMs));
    await count();
    await dialog.getByRole("heading", { name: "Purge 1 artifact?" }).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Purge many" }).click();
    // It begins with what the list is narrowed to.
    await eventually(() => dialog.getByLabel("Trust").inputValue(), "trusted");
    await count();
    await dialog.getByRole("button", { name: "Purge 1 artifact" }).click();
    await page.getByText("1 artifact purged").waitFor();
    expect((await trusted.get("4444444444444441")).status).toBe(404);
    expect(await (await untrusted.get("4444444444444442")).text()).toBe("untrusted");
  });

  test("follows who uses the cache to their runs, and back to everybody's", async () => {
    await larder.cli("team", "create", "runners");
    const [one, two] = [await createToken(larder, "runners"), await createToken(larder, "runners")];
    for (const { token } of [one, two]) {
      const client = turboOf(token, "runners");
      await client.get("eeeeeeeeeeeeeeee");
      const event = { source: "REMOTE", event: "MISS", hash: "eeeeeeeeeeeeeeee" };
      expect((await client.report([{ ...event, sessionId: crypto.randomUUID() }])).ok).toBe(true);
    }
    const deadline = Date.now() + patienceMs;
    const known = async () =>
      ((await (await started.client.get("/api/v1/runs?team=runners")).json()) as { items: unknown[] }).items;
    while ((await known()).length < 2 && Date.now() < deadline);
    const page = await openAt("/?team=runners", "Overview");
    const links = page.getByRole("table", { name: "Usage by token and CI policy" }).getByRole("link");
    await eventually(() => links.count(), 2);
    await links.first().click();
    await arrive(page, "Runs");
    const origin = page.getByLabel("Origin", { exact: true });
    expect([one.id, two.id]).toContain(await origin.inputValue());
    await page.getByText("That is the only one.").waitFor();
    await origin.selectOption("All origins");
    await page.getByText("That is all: 2.").waitFor();
    await page.locator('td[data-title="Origin"] a').first().click();
    await page.getByText("That is the only one.").waitFor();
    expect([one.id, two.id]).toContain(await origin.inputValue());
  });

  test("chooses whose runs to see by the name of a token, also of one that is long out of use", async () => {
    await larder.cli("team", "create", "named");
    const build = await createToken(larder, "named", "write", "--name", "nightly build");
    const client = turboOf(build.token, "named");
    expect((await client.get("dddddddddddddddd")).status).toBe(404);
    await client.report([
      { source: "REMOTE", event: "MISS", hash: "dddddddddddddddd", sessionId: crypto.randomUUID() },
    ]);
    const page = await openAt("/runs?team=named", "Runs");
    await page.getByText("That is the only one.").waitFor();
    const origin = page.getByLabel("Origin", { exact: true });
    await origin.selectOption("nightly build (token)");
    await page.waitForURL((url) => url.searchParams.get("origin") === build.id);
    await page.getByText("That is the only one.").waitFor();

    await visit(page, larder.url, "/runs?team=named&origin=tok_gone", "Runs");
    await page.getByText("Nothing fits the filters.").waitFor();
    await eventually(() => origin.inputValue(), "tok_gone");
  });

  test("sees which runs are of untrusted work, and what they hit and missed, also on a phone", async () => {
    await larder.cli("team", "create", "scoped");
    const { token } = await createToken(larder, "scoped", "write", "--scope", "pr-7");
    const client = turboOf(token, "scoped");
    expect((await client.put("3333333333333331", "content")).status).toBe(202);
    for (const [hash, event] of [
      ["3333333333333331", "HIT"],
      ["3333333333333332", "MISS"],
      ["3333333333333333", "MISS"],
    ] as const) {
      await client.get(hash);
      await client.report([{ source: "REMOTE", event, hash, sessionId: "a run of pull request 7" }]);
    }
    const page = await visitors.open(started.client, { viewport: { width: 390, height: 800 } });
    await visit(page, larder.url, "/runs?team=scoped", "Runs");
    await page.locator('td[data-title="Hits"]', { hasText: "1 remote, 2 missed" }).waitFor();
    await page.locator('td[data-title="Origin"]').getByText("pr-7", { exact: true }).waitFor();
    await page.locator("tbody th a").first().click();
    await arrive(page, "Run");
    const fact = (name: string) => page.locator(`dt:text-is("${name}") + dd`).textContent();
    expect(await fact("Scope")).toBe("pr-7");
    expect(await fact("Tasks")).toBe("3 1 remote, 2 missed");
  });

  test("follows what came without a token to its runs alone", async () => {
    await larder.cli("team", "create", "open");
    await larder.cli("team", "set", "open", "--anonymous-read", "on");
    const inside = turboOf((await createToken(larder, "open")).token, "open");
    expect((await inside.get("cccccccccccccccc")).status).toBe(404);
    expect((await fetch(`${larder.url}/v8/artifacts/cccccccccccccccc?slug=open`)).status).toBe(404);
    const page = await openAt("/runs?team=open", "Runs");
    await page.locator('td[data-title="Origin"] a', { hasText: "without a token" }).click();
    await page.waitForURL((url) => url.searchParams.get("origin") === "anonymous");
    await page.getByText("That is the only one.").waitFor();
  });

  test("shows of a token who made it, what it may and how much of what it wrote is kept", async () => {
    const { token, id } = await createToken(larder, "default");
    for (const hash of ["dddddddddddddddd", "eeeeeeeeeeeeeeee"])
      expect((await turboOf(token, "default").put(hash, "content")).ok).toBe(true);
    const page = await openAt("/tokens", "Tokens");
    const name = page.getByTitle(id, { exact: true });
    const row = page.getByRole("row").filter({ has: name });
    expect(await row.locator('td[data-title="Created"]').textContent()).toMatch(/by command ./);
    await name.click();
    const facts = page.getByRole("dialog").locator("dl");
    await facts.getByText("2 artifacts that are kept").waitFor();
    expect(await facts.textContent()).toContain("write in default");
    await page.keyboard.press("Escape");
    await facts.waitFor({ state: "detached" });
    expect(await name.evaluate((one) => one === document.activeElement)).toBe(true);
  });

  test("tests a secret: whose it is, and why it counts or not", async () => {
    const { token, id } = await createToken(larder, "default");
    const page = await openAt("/tokens", "Tokens");
    await page.getByRole("button", { name: "Test a token" }).click();
    const dialog = page.getByRole("dialog");
    const judge = async (secret: string, verdict: string) => {
      await dialog.getByLabel("Secret").fill(secret);
      await dialog.getByRole("button", { name: "Test", exact: true }).click();
      await dialog.getByText(verdict).waitFor();
    };
    await judge(token, "It counts.");
    expect(await dialog.locator("dl").textContent()).toContain("team default");
    await larder.cli("token", "revoke", id);
    await judge(token, "It was revoked at");
    await judge(token.slice(0, -1), "not the whole of a secret");
    expect(await dialog.locator("dl").count()).toBe(0);
    await dialog.getByRole("button", { name: "Close" }).click();
  });

  test("makes a policy for a CI service, sees what it makes of a job, and takes it back", async () => {
    using issuer = await startIssuer();
    const page = await openAt("/policies", "CI policies");
    await page.getByRole("button", { name: "New policy" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Repository").fill("acme/web");
    await dialog.getByLabel("Issuer").fill(issuer.url);
    await dialog.getByLabel("For").selectOption("trusted");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByText("Created “github acme/web main”.").waitFor();
    const lines = "In a workflow of GitHub Actions, which needs no stored secret";
    const workflow = Bun.YAML.parse(await copied(page, lines)) as {
      jobs: { build: { steps: { with?: unknown }[] } };
    };
    expect(workflow.jobs.build.steps[1]?.with).toEqual({
      url: larder.url,
      team: "default",
      audience: "larder",
    });
    await dialog.getByRole("button", { name: "Done" }).click();
    await eventually(() => page.locator("tbody tr").count(), 1);

    const idToken = await issuer.sign();
    const exchange = () =>
      fetch(`${larder.url}/oauth/token`, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
          subject_token: idToken,
        }),
      });
    const exchanged = await exchange();
    expect(exchanged.status).toBe(200);
    const { access_token: token } = (await exchanged.json()) as { access_token: string };
    expect((await turboOf(token, "default").status()).status).toBe(200);

    await page.getByRole("button", { name: "Test a job's token" }).click();
    const field = dialog.getByLabel("OpenID Connect token of a job");
    const judge = async (text: string) => {
      await field.fill(text);
      await dialog.getByRole("button", { name: "Test", exact: true }).click();
    };
    await judge(idToken);
    await dialog.getByText("matches, and counts").waitFor();
    expect(await dialog.textContent()).toContain("signed by it, and valid now");
    await judge(await issuer.sign({ claims: { repository: "acme/other" } }));
    await dialog.getByText("does not match", { exact: true }).waitFor();
    expect(await dialog.textContent()).toContain("repository");
    visitors.expectRefusals(400);
    await judge("no token at all");
    await dialog.getByRole("alert").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();

    await page.getByRole("button", { name: "Delete github acme/web main" }).click();
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No CI policies").waitFor();
    expect((await turboOf(token, "default").status()).status).toBe(401);
    expect((await exchange()).ok).toBe(false);
  });

  test("blocks a team, and lets it go on", async () => {
    await larder.cli("team", "create", "noisy");
    const { token } = await createToken(larder, "noisy");
    const client = turboOf(token, "noisy");
    const page = await openAt("/teams/noisy", "noisy");
    const set = async (state: string) => {
      await page.getByLabel("State").selectOption(state);
      await page.getByRole("button", { name: "Save" }).click();
    };
    await set("blocked");
    await page.locator("dl").getByText("Blocked", { exact: true }).waitFor();
    expect((await client.put("cccccccccccccccc", "content")).status).toBe(402);
    await set("enabled");
    await page.locator("dl").getByText("Enabled", { exact: true }).waitFor();
    expect((await client.put("cccccccccccccccc", "content")).status).toBe(202);
  });

  test("finds in the audit log who did what", async () => {
    await larder.cli("team", "create", "audited");
    const { token } = await createToken(larder, "audited");
    expect((await turboOf(token, "audited").put("abcdabcdabcdabcd", "x".repeat(3072))).status).toBe(202);
    const page = await openAt("/audit", "Audit log");
    const kinds = async () => (await page.locator('td[data-title="Kind"]').allTextContents()).toSorted();
    expect(new Set(await kinds()).size).toBeGreaterThan(1);
    // Of the many uploads one is told who asks for them.
    expect(await kinds()).not.toContain("artifact.write");
    await page.getByLabel("Kind").selectOption("Uploads");
    await page.getByLabel("Target").fill("abcdabcdabcdabcd");
    await page.getByText("That is the only one.").waitFor();
    expect(await kinds()).toEqual(["artifact.write"]);
    const details = await page.locator('td[data-title="Details"]').textContent();
    expect(details).toContain("size: 3KiB");
    expect(details).not.toContain("scope");
    await page.getByLabel("Target").fill("");
    await page.getByLabel("Kind").selectOption("Everything, with uploads");
    await page.getByText("team.create").first().waitFor();
    expect(await kinds()).toContain("artifact.write");
    await page.getByLabel("Kind").selectOption("Teams");
    await page.getByLabel("Target").fill("audited");
    await page.getByText("That is the only one.").waitFor();
    expect(await kinds()).toEqual(["team.create"]);
    expect(new URL(page.url()).search).toBe("?kind=team&target=audited");
    // The address is enough to come back to it.
    await page.reload();
    await page.getByText("That is the only one.").waitFor();
    await page.getByLabel("Actor").fill("nobody");
    await page.getByText("Nothing fits").waitFor();
  });

  test("looks in the audit log between two times, by their own clock", async () => {
    await larder.cli("team", "create", "timed");
    const page = await visitors.open(started.client, { timezoneId: "Asia/Tokyo" });
    await visit(page, larder.url, "/audit?kind=team&target=timed", "Audit log");
    await page.getByText("That is the only one.").waitFor();
    await page.getByLabel("Time", { exact: true }).selectOption("Between two times");
    const hourMs = 3_600_000;
    const inTokyo = (atMs: number) => new Date(atMs + 9 * hourMs).toISOString().slice(0, 16);
    const now = Date.now();
    await page.getByLabel("Until").fill(inTokyo(now - hourMs));
    await page.getByText("Nothing fits").waitFor();
    await page.getByLabel("Until").fill(inTokyo(now + hourMs));
    await page.getByLabel("Since").fill(inTokyo(now - hourMs));
    // What is typed counts a moment later, and each field for itself.
    const since = new Date(now - hourMs).toISOString().slice(0, 16);
    await page.waitForURL((url) => url.searchParams.get("since")?.startsWith(since) ?? false);
    await page.getByText("That is the only one.").waitFor();
    // The address is enough to come back to it.
    await page.reload();
    await eventually(() => page.getByLabel("Since").inputValue(), inTokyo(now - hourMs));
    await page.getByLabel("Time", { exact: true }).selectOption("The last hour");
    await page.getByLabel("Since").waitFor({ state: "detached" });
    expect(new URL(page.url()).search).toBe("?kind=team&target=timed&since=1h");
  });

  test("sees which settings count, and where each was said", async () => {
    const page = await openAt("/settings", "Settings");
    const valueAndSource = async (name: string) => {
      const row = page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
      return (await row.getByRole("cell").allTextContents()).slice(0, 2);
    };
    expect(await valueAndSource("minFree")).toEqual(["1MB", "flag"]);
    expect(await valueAndSource("maxSize")).toEqual(["5GB", "environment"]);
    expect(await valueAndSource("port")).toEqual([`0 now ${new URL(larder.url).port}`, "flag"]);
    expect(await valueAndSource("maxAge")).toEqual(["none", "default"]);
    expect(await valueAndSource("basePath")).toEqual(["empty", "default"]);
    // A secret is never told, only that there is one.
    expect(await valueAndSource("metricsToken")).toEqual(["set, and not shown", "environment"]);
    expect(await page.content()).not.toContain(metricsToken);
  });

  test("makes a team, a token of it, and revokes that, by keyboard alone", async () => {
    const page = await openAt("/teams", "Teams");
    /** Goes on with the Tab key until something with that name has the focus. */
    const tabTo = async (name: string | RegExp, role: "button" | "link" | "textbox" | "combobox") => {
      const wanted = page.getByRole(role, { name, exact: typeof name === "string" });
      await wanted.first().waitFor();
      for (let presses = 0; presses < 80; presses++) {
        if (
          (await wanted.count()) > 0 &&
          (await wanted.first().evaluate((one) => one === document.activeElement))
        )
          return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`The Tab key does not lead to ${role} ${name}.`);
    };
    await tabTo("New team", "button");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("by-keyboard");
    await page.keyboard.press("Enter");
    await arrive(page, "by-keyboard");
    await tabTo("Tokens", "link");
    await page.keyboard.press("Enter");
    await arrive(page, "Tokens");
    await tabTo("New token", "button");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("typed");
    await tabTo("Belongs to", "combobox");
    // What is typed would begin anew after a second's pause.
    const chosen = page.getByRole("dialog").locator("option:checked", { hasText: "Team by-keyboard" });
    for (let presses = 0; presses < 40 && (await chosen.count()) === 0; presses++)
      await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Tab");
    await tabTo("Create token", "button");
    await page.keyboard.press("Space");
    const secret = (await page.getByText(/^lrd_\w+$/).textContent()) as string;
    expect((await turboOf(secret, "by-keyboard").status()).status).toBe(200);
    await tabTo("Done", "button");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // The focus is where it was before.
    expect(
      await page.getByRole("button", { name: "New token" }).evaluate((one) => one === document.activeElement),
    ).toBe(true);
    await tabTo("Revoke typed", "button");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo("Revoke", "button");
    await page.keyboard.press("Enter");
    await page.getByText("The token “typed” is revoked.").waitFor();
    expect((await turboOf(secret, "by-keyboard").status()).status).toBe(401);
  });
});
