/* Measures how soon pages of the dashboard are there, in a Chromium that knows nothing yet: `bun test/bench/pages.ts`. See docs/benchmarks.md. */

import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium, openContext } from "../browser/browser.ts";
import { takeSession } from "../browser/signed-in.ts";
import { arrive } from "../browser/visitors.ts";
import { chromium } from "../known-tools.ts";
import { startLarder } from "../larder.ts";
import { SiteClient } from "../sign-in/site-client.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { fillDataFolder } from "./filled-data-folder.ts";
import { median } from "./results.ts";

const artifactCount = process.argv.includes("--quick") ? 20_000 : 1_000_000;
const rounds = 9;
/** Until something of a page is to be seen, in the median of the rounds. */
const limitMs = 300;

const pages = [
  // Without a team, a server that has given nothing back yet shows how to begin.
  { route: "?team=default", title: "Overview" },
  { route: "/runs", title: "Runs" },
  { route: "/artifacts", title: "Artifacts" },
  { route: "/artifacts?sort=size", title: "Artifacts" },
  { route: "/artifacts?hash=0000000000001a", title: "Artifacts" },
  { route: "/tokens", title: "Tokens" },
] as const;

const path = chromium.find();
if (path === undefined) throw new Error(`This needs Chromium: ${chromium.install}.`);
using folder = temporaryFolder();
const dataFolder = join(folder.path, "data");
console.error(`Making ${artifactCount} artifacts.`);
await fillDataFolder(dataFolder, artifactCount);
// Its blobs are not what they are named after, and nobody shall find out meanwhile.
await using larder = await startLarder({ dataFolder, args: ["--verify-rate", "none"] });
const client = new SiteClient(larder.url);
await client.setUp(larder);
await using browser = await launchChromium(path);

const times = new Map(pages.map(({ route }) => [route, { paint: [] as number[], whole: [] as number[] }]));
for (let round = 0; round < rounds; round++) {
  for (const { route, title } of pages) {
    const { paintMs, wholeMs } = await look(browser, route, title);
    times.get(route)?.paint.push(paintMs);
    times.get(route)?.whole.push(wholeMs);
  }
}
console.log(`Pages over ${artifactCount} artifacts, ${rounds} times each, in ms: median (slowest).`);
for (const [route, { paint, whole }] of times)
  console.log(`/dashboard${route}: first paint ${figures(paint)}, whole ${figures(whole)}`);
const isSlow = [...times.values()].some(({ paint }) => !((median(paint) ?? Number.NaN) < limitMs));
console.log(
  isSlow ? `Not all first paints are below ${limitMs} ms.` : `All first paints are below ${limitMs} ms.`,
);
process.exitCode = isSlow ? 1 : 0;

/** Opens a page in a browser with an empty cache, and waits until all of it is there. */
async function look(
  browser: Browser,
  route: string,
  title: string,
): Promise<{ paintMs: number; wholeMs: number }> {
  await using context = await openContext(browser);
  await takeSession(context, client);
  const page = await context.newPage();
  const startedAt = performance.now();
  await page.goto(`${larder.url}/dashboard${route}`);
  await arrive(page, title);
  const wholeMs = performance.now() - startedAt;
  const paintMs = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  );
  if (paintMs === undefined) throw new Error(`Nothing was painted of ${route}.`);
  return { paintMs, wholeMs };
}

function figures(values: number[]): string {
  return `${Math.round(median(values) ?? Number.NaN)} (${Math.round(Math.max(...values))})`;
}
