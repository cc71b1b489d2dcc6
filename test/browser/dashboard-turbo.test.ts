import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { roundSize, roundTime } from "../../src/units.ts";
import { Monorepo, packageNames } from "../clients/monorepo.ts";
import { currentTurbo } from "../clients/turbo-client.ts";
import { chromium } from "../known-tools.ts";
import { startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { launchChromium, openContext } from "./browser.ts";
import { takeSession } from "./signed-in.ts";

setDefaultTimeout(60_000);

describeWith(chromium, "what the dashboard says of real builds", (path) => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium(path);
  });
  afterAll(() => browser.close());

  test("is what turbo did: once anew, once from here, and once from its own cache", async () => {
    await using started = await startSetUp();
    const { larder, client } = started;
    const connection = { url: larder.url, token: larder.firstToken, team: "default" };
    await using repo = await Monorepo.create(currentTurbo());
    expect((await repo.build(connection)).output).toContain("0 cached, 4 total");
    await repo.forget();
    expect((await repo.build(connection)).output).toContain("FULL TURBO");
    expect((await repo.build(connection)).output).toContain("FULL TURBO");

    let tookMs = 0;
    let sizeBytes = 0;
    const { items } = (await (await client.get("/api/v1/artifacts")).json()) as {
      items: { durationMs: number; sizeBytes: number }[];
    };
    expect(items).toHaveLength(packageNames.length);
    for (const artifact of items) {
      tookMs += artifact.durationMs;
      sizeBytes += artifact.sizeBytes;
    }

    await using context = await openContext(browser, { reducedMotion: "reduce" });
    await takeSession(context, client);
    const page = await context.newPage();
    await page.goto(`${larder.url}/dashboard`);
    await page.getByText("8 of 12 tasks").waitFor();
    expect(await figure(page, "Hit rate")).toContain("66.7%");
    const saved = await figure(page, "Time saved");
    expect(saved).toContain(roundTime(2 * tookMs));
    expect(saved).toContain(`Remote ${roundTime(tookMs)}`);
    expect(saved).toContain(`Local ${roundTime(tookMs)}`);
    const traffic = await figure(page, "Traffic");
    expect(traffic).toContain(`${roundSize(sizeBytes)} down, ${roundSize(sizeBytes)} up`);
    expect(traffic).toContain("4 uploads");

    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByText("That is all: 3.").waitFor();
    expect(await page.locator('td[data-title="Hit rate"]').allTextContents()).toEqual(["100%", "100%", "0%"]);
  });
});

/** The text of the card under a heading. */
async function figure(page: Page, title: string): Promise<string> {
  const card = page
    .locator("section", { has: page.getByRole("heading", { name: title, exact: true }) })
    .first();
  return (await card.textContent()) ?? "";
}
