import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { roundPercent, roundSize, roundTime } from "../../src/units.ts";
import { formatExactCount } from "../../src/web/format/count.ts";
import { type Connection, Monorepo } from "../clients/monorepo.ts";
import { currentTurbo } from "../clients/turbo-client.ts";
import { chromium } from "../known-tools.ts";
import type { RunningLarder } from "../larder.ts";
import { createToken } from "../protocols/turbo/client.ts";
import { type SiteClient, startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { launchChromium, patienceMs } from "./browser.ts";
import { arrive, Visitors, visit } from "./visitors.ts";

setDefaultTimeout(120_000);

/** What turbo has kept of a task on its own disk: the very bytes that it uploads. */
interface Built {
  hash: string;
  sizeBytes: number;
  sha256: string;
  durationMs: number;
}

/** Of the server for an artifact: more than the usual 30 KB, less than what one of them has. */
const maxArtifactSize = "100KB";
/** Of one team, which uses a part of it. */
const quotaBytes = 1_000_000;

describeWith(chromium, "the figures of real builds", (path) => {
  let browser: Browser;
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let larder: RunningLarder;
  let client: SiteClient;
  let page: Page;
  let built: Record<"default" | "signing" | "large", Built[]>;
  /** Those that were not too large. */
  let kept: Built[];
  let expected: Record<string, number>;

  beforeAll(async () => {
    [browser, started] = await Promise.all([
      launchChromium(path),
      startSetUp({ args: ["--max-artifact-size", maxArtifactSize] }),
    ]);
    ({ larder, client } = started);
    for (const command of [
      ["create", "signing"],
      ["create", "large"],
      ["set", "large", "--quota", `${quotaBytes}B`],
    ])
      expect((await larder.cli("team", ...command)).exitCode).toBe(0);
    const tokenOf = async (team: string) => (await createToken(larder, team)).token;
    const to = (team: string, token: string): Connection => ({ url: larder.url, team, token });
    const before = { core: "sleep 0.3" };

    // Cold, then from this cache, then from turbo's own.
    await using plain = await Monorepo.create(currentTurbo(), { before });
    const connection = to("default", larder.firstToken);
    expect((await plain.build(connection)).output).toContain("0 cached, 4 total");
    const inDefault = await keptByTurbo(plain);
    await plain.forget();
    for (const source of ["REMOTE", "LOCAL"]) {
      const { output } = await plain.build(connection, { args: ["--summarize"] });
      expect(output).toContain("FULL TURBO");
      expect(summary(plain).map(({ cache }) => cache.source)).toEqual(Array(4).fill(source));
      expect(summary(plain).reduce((sum, { cache }) => sum + cache.timeSaved, 0)).toBe(
        sumOf(inDefault, "durationMs"),
      );
    }

    await using signed = await Monorepo.create(currentTurbo(), {
      before,
      remoteCache: { signature: true },
    });
    await signed.build(to("signing", await tokenOf("signing")), {
      env: { TURBO_REMOTE_CACHE_SIGNATURE_KEY: "a key of a test, longer than 32 bytes in all" },
    });

    await using large = await Monorepo.create(currentTurbo(), {
      before: { ...before, docs: "mkdir -p dist && head -c 200000 /dev/urandom > dist/large.bin" },
    });
    const tooLarge = await large.build(to("large", await tokenOf("large")));
    expect(tooLarge.exitCode).toBe(0);
    expect(tooLarge.linesWith("413 Payload Too Large")).toHaveLength(1);

    built = {
      default: inDefault,
      signing: await keptByTurbo(signed),
      large: await keptByTurbo(large),
    };
    const onDisk = await blobsOf(larder.dataFolder);
    kept = built.large.filter(({ sizeBytes }) => sizeBytes < 100_000);
    expect(kept).toHaveLength(3);
    const uploaded = [...built.default, ...built.signing, ...kept];
    expect([...onDisk].toSorted()).toEqual(
      uploaded.map(({ sha256, sizeBytes }) => [sha256, sizeBytes] as [string, number]).toSorted(),
    );
    expected = {
      remoteHits: 4,
      remoteMisses: 12,
      localHits: 4,
      localMisses: 16,
      remoteSavedMs: sumOf(built.default, "durationMs"),
      localSavedMs: sumOf(built.default, "durationMs"),
      missedMs: sumOf([...built.default, ...built.signing, ...built.large], "durationMs"),
      uploads: 11,
      uploadedBytes: sumOf(uploaded, "sizeBytes"),
      downloadedBytes: sumOf(built.default, "sizeBytes"),
      refusedUploads: 1,
    };
    // They are written a moment later.
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
      const { totals } = await api("/overview");
      if (Bun.deepEquals({ ...totals, ...expected }, totals)) break;
    }
    page = await new Visitors(browser).open(client);
  });
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
  });

  const api = async (route: string) => await (await client.get(`/api/v1${route}`)).json();
  const hits = () => sumOf(built.default, "durationMs");

  test("are in the API and `larder stats` what turbo's own files and the disk say", async () => {
    const { totals } = await api("/overview");
    expect(totals).toMatchObject(expected);
    expect(totals).toMatchObject({ hitRate: 8 / 20, savedMs: 2 * hits() });
    const stats = JSON.parse((await larder.cli("stats", "--json")).stdout);
    expect(stats.totals).toEqual(totals);
    const ofTeam = JSON.parse((await larder.cli("stats", "--team", "large", "--json")).stdout);
    expect(ofTeam.totals).toEqual((await api("/overview?team=large")).totals);
    expect(ofTeam.totals).toMatchObject({ remoteMisses: 4, uploads: 3, refusedUploads: 1 });
  });

  test("are the overview's, of all and of one team", async () => {
    await visit(page, larder.url, "/", "Overview");
    const storedBytes = expected.uploadedBytes as number;
    const downloadedBytes = expected.downloadedBytes as number;
    const missedMs = expected.missedMs as number;
    expect(await figure(page, "Hit rate")).toBe(
      `Hit rate40%new8 of 20 tasksBy time ${roundPercent((2 * hits()) / (2 * hits() + missedMs))}`,
    );
    expect(await figure(page, "Time saved")).toBe(
      `Time saved${roundTime(2 * hits())}newRemote ${roundTime(hits())}Local ${roundTime(hits())}`,
    );
    expect(await figure(page, "Traffic")).toBe(
      `Traffic${roundSize(storedBytes + downloadedBytes)}new${roundSize(downloadedBytes)} down, ${roundSize(storedBytes)} up11 uploads, 1 refused`,
    );
    const storage = await figure(page, "Storage");
    expect(storage).toContain(`Storage${roundSize(storedBytes)}new`);
    expect(storage).toContain("11 artifacts");
    const ofTeams = page.getByRole("table", { name: "Usage by team" });
    const teamRow = (hitRate: string, savedMs: number, tasks: number, list: Built[]) => ({
      "Hit rate": hitRate,
      Saved: roundTime(savedMs),
      Tasks: String(tasks),
      Uploaded: roundSize(sumOf(list, "sizeBytes")),
    });
    expect(await rowsOf(ofTeams)).toEqual({
      default: teamRow("66.7%", 2 * hits(), 12, built.default),
      large: teamRow("0%", 0, 4, kept),
      signing: teamRow("0%", 0, 4, built.signing),
    });
    expect(await rowsOf(page.getByRole("table", { name: "Usage by token and CI policy" }))).toEqual({
      "first start token": teamRow("66.7%", 2 * hits(), 12, built.default),
      "large write token": teamRow("0%", 0, 4, kept),
      "signing write token": teamRow("0%", 0, 4, built.signing),
    });

    await page.getByRole("combobox", { name: "Team" }).selectOption("large");
    await page.getByText("Storage of the team").waitFor();
    const used = sumOf(kept, "sizeBytes");
    expect(await figure(page, "Storage of the team")).toBe(
      `Storage of the team${roundSize(used)}new${roundPercent(used / quotaBytes)} of ${roundSize(quotaBytes)}3 artifacts`,
    );
    expect(await figure(page, "Hit rate")).toBe("Hit rate0%new0 of 4 tasksBy time 0%");
    expect(await figure(page, "Traffic")).toContain("3 uploads, 1 refused");
  });

  test("are those of each run", async () => {
    await visit(page, larder.url, "/runs", "Runs");
    await page.getByText("That is all: 5.").waitFor();
    const cells = async (title: string) =>
      await page.locator(`tbody td[data-title="${title}"]`).allTextContents();
    expect(await cells("Team")).toEqual(["large", "signing", "default", "default", "default"]);
    expect(await cells("Tasks")).toEqual(["4", "4", "4", "4", "4"]);
    expect(await cells("Hit rate")).toEqual(["0%", "0%", "100%", "100%", "0%"]);
    const nothing = roundTime(0);
    const saved = roundTime(hits());
    expect(await cells("Saved")).toEqual([nothing, nothing, saved, saved, nothing]);
    expect(await cells("Uploaded")).toEqual(
      [kept, built.signing, [], [], built.default].map((list) => roundSize(sumOf(list, "sizeBytes"))),
    );
    expect(await cells("Hits")).toEqual(["4 missed", "4 missed", "4 local", "4 remote", "4 missed"]);

    await page.locator("tbody th a").nth(3).click();
    await arrive(page, "Run");
    expect(await factsOf(page)).toMatchObject({
      Team: "default",
      Tool: "Turborepo",
      Origin: "first start token",
      Scope: "trusted",
      Tasks: "4 4 remote",
      "Hit rate": "100%",
      "Time saved": roundTime(hits()),
      Downloaded: roundSize(sumOf(built.default, "sizeBytes")),
      Uploaded: `${roundSize(0)} in 0 uploads`,
    });
    const hitRows = page.getByRole("row").filter({ hasText: "remote hit" });
    expect(Object.keys(await rowsOf(page.locator("table"))).toSorted()).toEqual(
      built.default.map(({ hash }) => hash).toSorted(),
    );
    for (const { hash, durationMs, sizeBytes } of built.default) {
      const row = hitRows.filter({ hasText: hash });
      expect(await row.locator('[data-title="Task took"]').textContent()).toBe(roundTime(durationMs));
      expect(await row.locator('[data-title="Size"]').textContent()).toBe(roundSize(sizeBytes));
    }

    await visit(page, larder.url, "/runs", "Runs");
    await page.locator("tbody a").first().click();
    await arrive(page, "Run");
    expect(await factsOf(page)).toMatchObject({
      Uploaded: `${roundSize(sumOf(kept, "sizeBytes"))} in 3 uploads`,
      "Refused uploads": "1",
    });
  });

  test("are those of each artifact, signed or not", async () => {
    await visit(page, larder.url, "/artifacts", "Artifacts");
    await page.getByText("That is all: 11.").waitFor();
    const rows = await rowsOf(page.locator("table"));
    const stored = (
      [
        ["default", built.default],
        ["signing", built.signing],
        ["large", kept],
      ] as const
    ).flatMap(([team, list]) => list.map((one) => ({ team, ...one })));
    expect(Object.keys(rows)).toHaveLength(stored.length);
    for (const { team, hash, sizeBytes, durationMs } of stored) {
      expect(rows[hash]).toMatchObject({
        Team: team,
        Scope: "trusted",
        Size: roundSize(sizeBytes),
        "Task took": roundTime(durationMs),
      });
    }
    for (const [{ hash, sizeBytes, sha256, durationMs }, isSigned] of [
      [built.default[0] as Built, "no"],
      [built.signing[0] as Built, "yes"],
    ] as const) {
      await visit(page, larder.url, `/artifacts?hash=${hash}`, "Artifacts");
      await page.getByRole("link", { name: hash }).click();
      await arrive(page, "Artifact");
      expect(await factsOf(page)).toMatchObject({
        Hash: hash,
        Size: roundSize(sizeBytes),
        "Task took": roundTime(durationMs),
        Signed: isSigned,
        "SHA-256": sha256,
      });
      expect(await page.getByTitle(`${formatExactCount(sizeBytes)} bytes`, { exact: true }).count()).toBe(1);
    }
  });

  test("are those of each team", async () => {
    await visit(page, larder.url, "/teams", "Teams");
    await page.getByText("That is all: 3.").waitFor();
    const used = sumOf(kept, "sizeBytes");
    const quota = `${roundSize(quotaBytes)} (${roundPercent(used / quotaBytes)})`;
    expect(await rowsOf(page.locator("table"))).toMatchObject({
      Default: { Uses: roundSize(sumOf(built.default, "sizeBytes")), Quota: "none" },
      signing: { Uses: roundSize(sumOf(built.signing, "sizeBytes")), Quota: "none" },
      large: { Uses: roundSize(used), Quota: quota },
    });
    await page.getByRole("link", { name: "large" }).click();
    await arrive(page, "large");
    expect(await factsOf(page)).toMatchObject({
      Uses: `${roundSize(used)} of ${quota}`,
      Artifacts: "3",
    });
  });
});

function sumOf(list: readonly Built[], name: "sizeBytes" | "durationMs"): number {
  return list.reduce((sum, one) => sum + one[name], 0);
}

/** What lies in turbo's own cache after a build. */
async function keptByTurbo({ folder }: Monorepo): Promise<Built[]> {
  const cache = join(folder, ".turbo", "cache");
  const archives = readdirSync(cache).filter((name) => name.endsWith(".tar.zst"));
  expect(archives).toHaveLength(4);
  return archives.map((name) => {
    const hash = name.slice(0, -".tar.zst".length);
    const bytes = readFileSync(join(cache, name));
    const { duration } = JSON.parse(readFileSync(join(cache, `${hash}-meta.json`), "utf8"));
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    return { hash, sizeBytes: bytes.byteLength, sha256, durationMs: duration };
  });
}

/** What turbo says of its last run. */
function summary({ folder }: Monorepo): { cache: { source?: string; timeSaved: number } }[] {
  const runs = join(folder, ".turbo", "runs");
  const [newest] = readdirSync(runs)
    .map((name) => join(runs, name))
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return JSON.parse(readFileSync(newest as string, "utf8")).tasks;
}

/** The sizes of the files that larder has, by their SHA-256. */
async function blobsOf(dataFolder: string): Promise<Map<string, number>> {
  const blobs = new Map<string, number>();
  for await (const path of new Bun.Glob("blobs/**/*").scan({ cwd: dataFolder })) {
    const name = path.split("/").at(-1) as string;
    if (/^[0-9a-f]{64}$/.test(name)) blobs.set(name, statSync(join(dataFolder, path)).size);
  }
  return blobs;
}

/** The text of the card under a heading. */
async function figure(page: Page, title: string): Promise<string> {
  const card = page
    .locator("section", { has: page.getByRole("heading", { name: title, exact: true }) })
    .first();
  return (await card.textContent()) ?? "";
}

/** The cells of a table, by the name of their row and then of their column. */
async function rowsOf(table: ReturnType<Page["locator"]>): Promise<Record<string, Record<string, string>>> {
  return await table.evaluate((element) =>
    Object.fromEntries(
      [...element.querySelectorAll("tbody tr")].map((row) => [
        row.querySelector("th")?.textContent ?? "",
        Object.fromEntries(
          [...row.querySelectorAll("td")].map((cell) => [cell.dataset.title ?? "", cell.textContent ?? ""]),
        ),
      ]),
    ),
  );
}

/** The facts of the page about one thing. */
async function factsOf(page: Page): Promise<Record<string, string>> {
  await page.locator("dl").waitFor();
  return await page
    .locator("dl")
    .evaluate((list) =>
      Object.fromEntries(
        [...list.querySelectorAll("dt")].map((name) => [
          name.textContent ?? "",
          name.nextElementSibling?.textContent ?? "",
        ]),
      ),
    );
}
