import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { githubPullRequest, startIssuer, type TestIssuer } from "../identity/test-issuer.ts";
import { chromium } from "../known-tools.ts";
import type { RunningLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { administrator, type SiteClient, startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { accessibilityProblems, eventually, launchChromium } from "./browser.ts";
import { arrive, Visitors, visit } from "./visitors.ts";

const looks: BrowserContextOptions[] = [
  { colorScheme: "light" },
  { colorScheme: "dark" },
  { colorScheme: "light", viewport: { width: 320, height: 640 } },
];
const pages = [
  ["/", "Overview"],
  ["/runs", "Runs"],
  ["/artifacts", "Artifacts"],
  ["/connect", "Connect"],
  ["/teams", "Teams"],
  ["/teams/default", "Default"],
  ["/tokens", "Tokens"],
  ["/policies", "CI policies"],
  ["/users", "Users"],
  ["/audit", "Audit log"],
  ["/settings", "Settings"],
  ["/nowhere", "There is no such page"],
] as const;

describeWith(chromium, "the dashboard looks as it should", (path) => {
  let browser: Browser;
  let issuer: TestIssuer;
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let larder: RunningLarder;
  let client: SiteClient;
  let visitors: Visitors;

  beforeAll(async () => {
    [browser, issuer, started] = await Promise.all([launchChromium(path), startIssuer(), startSetUp()]);
    ({ larder, client } = started);
    visitors = new Visitors(browser);
    // Something to be seen on each page.
    const turbo = new TurboClient(larder.url, larder.firstToken, "/v8", "?slug=default");
    await turbo.get("0123456789abcdef");
    expect((await turbo.put("0123456789abcdef", "content", { "x-artifact-duration": "1500" })).ok).toBe(true);
    expect((await turbo.get("0123456789abcdef")).status).toBe(200);
    for (const command of [
      ["user", "create", "bartholomew.longfellow@engineering.example.org", "--team", "default=member"],
      [
        ...["policy", "create", "--team", "default", "--provider", "github", "--repository", "acme/web"],
        ...["--issuer", issuer.url],
      ],
      ["policy", "create", "--team", "default", "--provider", "github", "--repository", "acme/docs"],
    ])
      expect((await larder.cli(...command)).exitCode).toBe(0);
    const hasRuns = async () =>
      ((await (await client.get("/api/v1/runs")).json()) as { items: unknown[] }).items.length > 0;
    await eventually(hasRuns, true);
  });
  afterEach(() => visitors.leave());
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
    issuer[Symbol.dispose]();
  });

  /** Nothing is in anybody's way: by the rules of axe, and nothing reaches over the edge of the screen. */
  async function expectNoProblems(page: Page, where: string): Promise<void> {
    expect({ where, problems: await accessibilityProblems(page) }).toEqual({ where, problems: [] });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect({ where, overflow: Math.max(0, overflow) }).toEqual({ where, overflow: 0 });
  }

  test.each(looks)("on any page, with %j", async (look) => {
    const page = await visitors.open(client, look);
    for (const [route, title] of pages) {
      await visit(page, larder.url, route, title);
      await expectNoProblems(page, route);
      expect(await page.title()).toBe(`${title} · larder`);
    }
    for (const [list, title] of [
      ["/runs", "Run"],
      ["/artifacts", "Artifact"],
    ] as const) {
      await visit(page, larder.url, list, `${title}s`);
      await page.locator("tbody a").first().click();
      await arrive(page, title);
      await page.locator("dl").waitFor();
      await expectNoProblems(page, title);
    }
  });

  test.each(looks)("with any dialog open, with %j", async (look) => {
    visitors.expectRefusals(400);
    const page = await visitors.open(client, look);
    const dialog = page.getByRole("dialog");
    const opened = async (button: string, title: string | RegExp) => {
      await page.getByRole("button", { name: button, exact: true }).click();
      await dialog.getByRole("heading", { name: title }).waitFor();
      await expectNoProblems(page, `${button}: ${title}`);
    };
    const closed = async (button: string) => {
      await dialog.getByRole("button", { name: button, exact: true }).click();
      await dialog.waitFor({ state: "detached" });
    };

    await visit(page, larder.url, "/teams", "Teams");
    await opened("New team", "New team");
    await dialog.getByLabel("Slug").fill("Not A Slug");
    await dialog.getByRole("button", { name: "Create team" }).click();
    await dialog.getByRole("alert").waitFor();
    await expectNoProblems(page, "a wrong slug");
    await closed("Cancel");

    await visit(page, larder.url, "/teams/default", "Default");
    await opened("Remove bartholomew.longfellow@engineering.example.org", "Remove bartholomew.longfellow");
    await closed("Cancel");
    await opened("Delete team", "Delete Default?");
    await closed("Cancel");

    await visit(page, larder.url, "/tokens", "Tokens");
    await opened("New token", "New token");
    await dialog.getByLabel("Name").fill("looked at");
    await dialog.getByLabel("Expires").selectOption("day");
    await dialog.getByLabel("Last day").waitFor();
    await expectNoProblems(page, "a day of one's own");
    await dialog.getByLabel("Expires").selectOption("7");
    await dialog.getByRole("button", { name: "Create token" }).click();
    await dialog.getByText(/^lrd_\w+$/).waitFor();
    await expectNoProblems(page, "a new token");
    await closed("Done");
    await opened("first start", "Token “first start”");
    await dialog.getByText("1 artifact that is kept").waitFor();
    await expectNoProblems(page, "a token");
    await closed("Close");
    await opened("Test a token", "Test a token");
    await dialog.getByLabel("Secret").fill(larder.firstToken);
    await dialog.getByRole("button", { name: "Test", exact: true }).click();
    await dialog.getByText("It counts.").waitFor();
    await expectNoProblems(page, "a tested secret");
    await closed("Close");
    await opened("Revoke looked at", "Revoke “looked at”?");
    await closed("Revoke");
    await opened("Revoke first start", "Revoke “first start”?");
    await dialog.getByLabel("Purge what it wrote, too: 1 artifact").check();
    await expectNoProblems(page, "revoke and purge");
    await closed("Cancel");

    await visit(page, larder.url, "/policies", "CI policies");
    await opened("New policy", "New CI policy");
    for (const service of ["gitlab", "buildkite", "circleci", "free"]) {
      await dialog.getByLabel("CI service").selectOption(service);
      await expectNoProblems(page, service);
    }
    await dialog.getByLabel("CI service").selectOption("github");
    await dialog.getByLabel("Repository").fill(`acme/web-${looks.indexOf(look)}`);
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("heading", { name: "CI policies created" }).waitFor();
    await expectNoProblems(page, "new policies");
    await closed("Done");
    await opened("Test a job's token", "Test a job's token");
    await dialog
      .getByLabel("OpenID Connect token of a job")
      .fill(await issuer.sign({ claims: githubPullRequest }));
    await dialog.getByRole("button", { name: "Test", exact: true }).click();
    await dialog.getByText("matches, and counts").waitFor();
    await expectNoProblems(page, "a tested token");
    await closed("Close");
    await opened("Delete github acme/web main", "Delete “github acme/web main”?");
    await closed("Cancel");

    await visit(page, larder.url, "/users", "Users");
    await opened("New user", "New user");
    await closed("Cancel");
    const email = "bartholomew.longfellow@engineering.example.org";
    await opened(`Edit ${email}`, email);
    await closed("Cancel");
    await opened(`Delete ${email}`, "Delete bartholomew.longfellow?");
    await closed("Cancel");
    await opened(`Reset link for ${email}`, `A link for ${email}?`);
    await dialog.getByRole("button", { name: "Make the link" }).click();
    await dialog.getByRole("heading", { name: `Link for ${email}`, exact: true }).waitFor();
    await expectNoProblems(page, "a new link");
    await closed("Done");

    await visit(page, larder.url, "/artifacts", "Artifacts");
    await opened("Purge many", "Purge artifacts");
    await dialog.getByRole("button", { name: "Count" }).click();
    await dialog.getByRole("heading", { name: "Purge 1 artifact?" }).waitFor();
    await expectNoProblems(page, "what a purge would take");
    await closed("Cancel");
    await page.locator("tbody a").first().click();
    await opened("Purge", "Purge this artifact?");
    await closed("Cancel");
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await expectNoProblems(page, "the account's menu");
  });

  test("without a line that ends within an address, a path or a word", async () => {
    const page = await visitors.open(client, { viewport: { width: 1280, height: 900 } });
    await visit(page, larder.url, "/users", "Users");
    const email = page.getByRole("rowheader").getByText(administrator.email, { exact: true });
    expect(await linesOf(email)).toBe(1);
    await visit(page, larder.url, "/policies", "CI policies");
    const claim = page.locator("code", { hasText: "event_name=push|schedule|workflow_dispatch" });
    // Between the alternatives it may.
    expect(await wordsBroken(claim.first())).toEqual([]);
    for (const cell of await page.locator('td[data-title="Issuer and claims"]').all())
      expect(await wordsBroken(cell)).toEqual([]);
    await page.route("**/api/v1/settings", async (route) => {
      const answer = await route.fetch();
      const text = (await answer.text()).replaceAll(larder.dataFolder, "/var/lib/larder");
      await route.fulfill({ response: answer, body: text });
    });
    await visit(page, larder.url, "/settings", "Settings");
    for (const value of await page.getByRole("cell").getByText("/var/lib/larder", { exact: true }).all())
      expect(await linesOf(value)).toBe(1);
    const basePath = page.getByRole("row").filter({ has: page.getByText("basePath", { exact: true }) });
    expect(await basePath.textContent()).toContain("empty");
  });
});

/** How many lines a text takes. */
async function linesOf(text: Locator): Promise<number> {
  return await text.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
  });
}

/** Words and names of hosts in a text that begin on one line and end on another. */
async function wordsBroken(text: Locator): Promise<string[]> {
  return await text.evaluate((element) => {
    const broken: string[] = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const { 0: word, index } of (node.textContent ?? "").matchAll(/[\w.]+/g)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        if (range.getClientRects().length > 1) broken.push(word);
      }
    }
    return broken;
  });
}
