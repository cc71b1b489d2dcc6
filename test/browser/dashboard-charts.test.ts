import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { serverActor } from "../../src/audit/audit-log.ts";
import { createDataFolder, openDataFolder } from "../../src/database/data-folder.ts";
import type { Database } from "../../src/database/database.ts";
import { teams } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { roundSize, roundTime } from "../../src/units.ts";
import type { Counters } from "../../src/usage/counters.ts";
import { StorageRecorder } from "../../src/usage/storage-recorder.ts";
import { chromium } from "../known-tools.ts";
import { startSetUp } from "../sign-in/site-client.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWith } from "../tools.ts";
import { addUses, askerOf, hourUse } from "../usage/test-usage.ts";
import { launchChromium } from "./browser.ts";
import { Visitors, visit } from "./visitors.ts";

setDefaultTimeout(120_000);

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const kib = 1024;
const now = Date.now();

/** What was counted, by how long ago that was. */
const past: readonly (readonly [agoMs: number, counters: Partial<Counters>])[] = [
  [2 * hourMs, used([6, 2, 2], [60_000, 30_000], [2 * kib, kib])],
  [8 * dayMs, used([3, 1, 4], [30_000, 15_000], [kib, kib / 2])],
  [40 * dayMs, used([9, 0, 1], [270_000, 0], [kib, 0])],
  [200 * dayMs, used([10, 5, 5], [0, 0], [0, 8 * kib])],
  [500 * dayMs, used([1, 0, 3], [810_000, 0], [2 * kib, 4 * kib])],
];

function used(
  [remoteHits, localHits, remoteMisses]: readonly [number, number, number],
  [remoteSavedMs, localSavedMs]: readonly [number, number],
  [downloadedBytes, uploadedBytes]: readonly [number, number],
): Partial<Counters> {
  return { remoteHits, localHits, remoteMisses, remoteSavedMs, localSavedMs, downloadedBytes, uploadedBytes };
}

describeWith(chromium, "the charts of past days", (path) => {
  const folder = temporaryFolder();
  let browser: Browser;
  let visitors: Visitors;
  let started: Awaited<ReturnType<typeof startSetUp>>;

  beforeAll(async () => {
    const dataFolder = join(folder.path, "data");
    createDataFolder(dataFolder);
    await fill(dataFolder);
    [browser, started] = await Promise.all([launchChromium(path), startSetUp({ dataFolder })]);
    visitors = new Visitors(browser);
  });
  afterEach(() => visitors.leave());
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function openAt(route: string, timezoneId = "America/Los_Angeles"): Promise<Page> {
    const page = await visitors.open(started.client, { timezoneId });
    await visit(page, started.larder.url, route, "Overview");
    return page;
  }

  test.each([
    ["/", ["80%▲ 30 points", "1m 30s▲ 100%", "3KiB▲ 100%"]],
    ["/?range=24h", ["80%new", "1m 30snew", "3KiBnew"]],
    ["/?range=30d", ["66.7%▼ 23.3 points", "2m 15s▼ 50%", "4.5KiB▲ 350%"]],
    ["/?range=90d", ["75%new", "6m 45snew", "5.5KiBnew"]],
    ["/?range=365d", ["75%▲ 50 points", "6m 45s▼ 50%", "13.5KiB▲ 125%"]],
  ] as const)("show at %s how much it is against the time before", async (route, figures) => {
    const page = await openAt(route);
    const shown = ["Hit rate", "Time saved", "Traffic"].map((title) =>
      page
        .locator("section", { has: page.getByRole("heading", { name: title, exact: true }) })
        .first()
        .locator("p")
        .first()
        .textContent(),
    );
    expect(await Promise.all(shown)).toEqual([...figures]);
  });

  test.each([
    ["/", "0B▼ 8KiB", "It was 8KiB 7 days ago"],
    ["/?range=24h", "0B▼ 8KiB", "It was 8KiB 24 hours ago"],
    ["/?range=30d", "0B▼ 5KiB", "It was 5KiB 30 days ago"],
    ["/?range=90d", "0B▼ 4KiB", "It was 4KiB on "],
    ["/?range=365d", "0B", undefined],
    ["/?team=default", "0B▼ 6KiB", "It was 6KiB 7 days ago"],
    ["/?team=default&range=30d", "0B▼ 3KiB", "It was 3KiB 30 days ago"],
  ] as const)("show at %s how much is stored against what was when it began", async (route, shown, title) => {
    const page = await openAt(route);
    const name = route.includes("team=") ? "Storage of the team" : "Storage";
    const card = page.locator("section", { has: page.getByRole("heading", { name, exact: true }) }).first();
    expect(await card.locator("p").first().textContent()).toBe(shown);
    const change = card.locator("p").first().locator("[title]");
    expect(await change.count()).toBe(title === undefined ? 0 : 1);
    if (title !== undefined) expect(await change.getAttribute("title")).toStartWith(title);
    const since = await card.getByText(/^Known since \d+ \w+, \d\d:00$/).count();
    expect(since).toBe(route.includes("90d") ? 1 : 0);
  });

  test("have what was stored at the end of each day, and what is now", async () => {
    for (const [route, sizes] of [
      ["/?range=30d", ["0B", "8KiB", "5KiB"]],
      // Nothing is known of its first days.
      ["/?range=90d", ["0B", "8KiB", "5KiB", "–"]],
      ["/?range=30d&team=default", ["0B", "6KiB", "3KiB"]],
    ] as const) {
      const page = await openAt(route);
      const chart = page.getByRole("img", { name: /^Storage\. / });
      const first = sizes.findLast((size) => size !== "–");
      expect(await chart.getAttribute("aria-label")).toStartWith(`Storage. From ${first} to 0B. `);
      const rows = await tableOf(page, "Storage");
      expect(rows).toHaveLength(route.includes("90d") ? 91 : 31);
      const changes = rows.map(([, size]) => size).filter((size, index, all) => size !== all[index - 1]);
      expect(changes).toEqual([...sizes]);
    }
  });

  test("name the server's days, and say that they are UTC's, wherever one is", async () => {
    const page = await openAt("/?range=30d");
    await page.getByText("Days begin at midnight, UTC").first().waitFor();
    const tasks = await tableOf(page, "Tasks");
    expect(tasks).toHaveLength(31);
    const [lately, before] = [dayOf(2 * hourMs), dayOf(8 * dayMs)];
    expect(tasks.filter((row) => row.slice(1).some((cell) => cell !== "0"))).toEqual([
      [lately, "6", "2", "2"],
      [before, "3", "1", "4"],
    ]);
    const nothing = roundTime(0);
    expect((await tableOf(page, "Time saved")).filter((row) => row[1] !== nothing)).toEqual([
      [lately, roundTime(60_000), roundTime(30_000)],
      [before, roundTime(30_000), roundTime(15_000)],
    ]);
    expect((await tableOf(page, "Traffic")).filter((row) => row[1] !== roundSize(0))).toEqual([
      [lately, roundSize(2 * kib), roundSize(kib)],
      [before, roundSize(kib), roundSize(kib / 2)],
    ]);
  });

  test("have weeks for a year, of which none is lost", async () => {
    const page = await openAt("/?range=365d");
    await page.getByText("Weeks begin on Monday, UTC").first().waitFor();
    const tasks = await tableOf(page, "Tasks");
    expect(tasks.length).toBeGreaterThanOrEqual(53);
    expect(tasks.length).toBeLessThanOrEqual(54);
    expect(tasks.map((row) => row.slice(1)).filter((row) => row.some((cell) => cell !== "0"))).toEqual([
      ["6", "2", "2"],
      ["3", "1", "4"],
      ["9", "0", "1"],
      ["10", "5", "5"],
    ]);
    expect(tasks[1]?.[0]).toMatch(/^\d+ \w+ to \d+ \w+ \d{4} UTC$/);
  });

  test("have hours by the clock of the reader for a few days", async () => {
    for (const [zone, hoursOff] of [
      ["Asia/Tokyo", 9],
      ["UTC", 0],
    ] as const) {
      const page = await openAt("/", zone);
      expect(await page.getByText("Days begin at midnight, UTC").count()).toBe(0);
      const rows = (await tableOf(page, "Tasks")).filter((row) => row[1] !== "0");
      const hour = new Date(now - 2 * hourMs + hoursOff * hourMs).getUTCHours();
      const start = String(hour - (hour % 3)).padStart(2, "0");
      expect(rows).toEqual([[expect.stringContaining(`, ${start}:00 to `), "6", "2", "2"]]);
    }
  });

  test("are of the usual time where the address names none that there is, and it says so", async () => {
    const page = await openAt("/?range=1y");
    await page.waitForURL((url) => !url.searchParams.has("range"));
    expect(await page.locator('nav[aria-label="Range of time"] [aria-current]').textContent()).toContain(
      "7 days",
    );
  });
});

/** Writes down the past. */
async function fill(dataFolder: string): Promise<void> {
  const database = openDataFolder(dataFolder);
  try {
    const { id: teamId } = await new Teams(database, serverActor).ensureDefault();
    const asker = askerOf(teamId, { tokenId: "tok_past" });
    await addUses(
      database,
      past.map(([agoMs, counters]) => hourUse(asker, now - agoMs, counters)),
    );
    await fillStorage(database);
  } finally {
    await database.close();
  }
}

/** A server that has run for 300 days and, of the last 40, has written down what it stored; the team has 2 KiB less of it. */
async function fillStorage(database: Database): Promise<void> {
  const setTeam = (change: Partial<typeof teams.$inferInsert>) =>
    database.write(async (queries) => void (await queries.update(teams).set(change)));
  await setTeam({ createdAt: now - 300 * dayMs });
  let storedBytes = 0;
  const recorder = new StorageRecorder(database, () => storedBytes);
  await recorder.record(now - 40 * dayMs - hourMs);
  for (const [agoMs, storedKib] of [
    [40 * dayMs, 4],
    [8 * dayMs, 5],
    [0, 8],
  ] as const) {
    storedBytes = storedKib * kib;
    await setTeam({ usedBytes: storedBytes - 2 * kib });
    await recorder.record(now - agoMs);
  }
  // As there are no artifacts.
  await setTeam({ usedBytes: 0 });
}

/** What the charts call the day. */
function dayOf(agoMs: number): string {
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
  return `${day.format(now - agoMs)} UTC`;
}

/** The rows of a chart as a table, newest first. */
async function tableOf(page: Page, title: string): Promise<string[][]> {
  await page.getByRole("button", { name: `As table: ${title}` }).click();
  return await page
    .getByRole("table", { name: title, exact: true })
    .evaluate((table) =>
      [...table.querySelectorAll("tbody tr")].map((row) =>
        [...row.children].map((cell) => cell.textContent ?? ""),
      ),
    );
}
