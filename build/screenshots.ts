/*
 * Takes the pictures of docs/screenshots: each page of the dashboard in light, in dark and on a phone, from a real server that
 * has two weeks of made-up builds behind it.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { takeSession } from "../test/browser/signed-in.ts";
import { type RunningLarder, startLarder } from "../test/larder.ts";
import { type SiteClient, startSetUp } from "../test/sign-in/site-client.ts";
import { temporaryFolder } from "../test/temporary-folder.ts";
import { createBuilders, fillHistory } from "./screenshot-history.ts";
import { administer, build } from "./screenshot-server.ts";

const target = join(import.meta.dir, "../docs/screenshots");

/** What is to be seen, and how far down. */
interface Subject {
  name: string;
  path: string;
  height: number;
  /** Of a phone; its usual one, if not said. */
  narrowHeight?: number;
}

const looks = [
  { suffix: "", width: 1280, scheme: "light" },
  { suffix: "-dark", width: 1280, scheme: "dark" },
  { suffix: "-narrow", width: 390, scheme: "light" },
] as const;
const phoneHeight = 844;

/** Where the server and its data seem to lie: nobody's temporary folder, and no port that changes. */
const shownUrl = "http://cache.example.lan:5273";
const shownFolder = "/var/lib/larder";

async function take(
  browser: Browser,
  larder: RunningLarder,
  client: SiteClient,
  subjects: readonly Subject[],
): Promise<void> {
  for (const { suffix, width, scheme } of looks) {
    const context = await browser.newContext({ colorScheme: scheme, reducedMotion: "reduce" });
    await takeSession(context, client);
    const page = await context.newPage();
    await page.route(/\/api\/v1\/(connect|settings)/, async (route) => {
      const answer = await route.fetch();
      const text = (await answer.text())
        .replaceAll(larder.url, shownUrl)
        .replaceAll(larder.dataFolder, shownFolder)
        .replaceAll(`"resolved":${new URL(larder.url).port}`, `"resolved":${new URL(shownUrl).port}`);
      await route.fulfill({ response: answer, body: text });
    });
    for (const { name, path, height, narrowHeight = phoneHeight } of subjects) {
      await page.setViewportSize({ width, height: width < 640 ? narrowHeight : height });
      await page.goto(`${client.url}/dashboard${path}`);
      await settle(page);
      const picture = await page.screenshot();
      // Few colours, and none of them mixed from points: a third of the size, and the same to the eye.
      const small = await new Bun.Image(picture)
        .png({ palette: true, colors: 128, compressionLevel: 9 })
        .bytes();
      await Bun.write(join(target, `${name}${suffix}.png`), small);
    }
    await context.close();
  }
}

/** Waits until all that belongs onto a page is there. */
async function settle(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
}

/** The id of the first thing of a list. */
async function firstOf(client: SiteClient, path: string): Promise<string | number> {
  const { items } = (await (await client.get(`/api/v1${path}`)).json()) as {
    items: { id: string | number }[];
  };
  const [first] = items;
  if (!first) throw new Error(`There is nothing at ${path}.`);
  return first.id;
}

async function takeOfFilled(browser: Browser): Promise<void> {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const builders = await createBuilders(dataFolder);
  {
    await using larder = await startLarder({ dataFolder });
    await build(larder.url, builders);
    await larder.stop();
  }
  await fillHistory(dataFolder, builders);
  await using larder = await startLarder({ dataFolder, args: ["--max-size", "100MiB"] });
  const client = await administer(larder);
  const run = await firstOf(client, "/runs?team=web");
  const artifact = await firstOf(client, "/artifacts?team=web&sort=size");
  await take(browser, larder, client, [
    { name: "overview", path: "", height: 1480, narrowHeight: 1400 },
    { name: "runs", path: "/runs", height: 760 },
    { name: "run", path: `/runs/${run}`, height: 900 },
    { name: "artifacts", path: "/artifacts", height: 760 },
    { name: "artifact", path: `/artifacts/${artifact}`, height: 640 },
    { name: "connect", path: "/connect?team=web", height: 820 },
    { name: "teams", path: "/teams", height: 560 },
    { name: "team", path: "/teams/web", height: 1760, narrowHeight: 1400 },
    { name: "tokens", path: "/tokens", height: 680 },
    { name: "policies", path: "/policies", height: 560 },
    { name: "users", path: "/users", height: 560 },
    { name: "audit", path: "/audit", height: 860 },
    { name: "settings", path: "/settings", height: 860 },
  ]);
}

async function takeOfEmpty(browser: Browser): Promise<void> {
  await using started = await startSetUp();
  await take(browser, started.larder, started.client, [{ name: "guide", path: "", height: 700 }]);
}

const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome");
if (!executablePath) throw new Error("Taking pictures needs Chromium: install it, and run this again.");
await mkdir(target, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  await takeOfFilled(browser);
  await takeOfEmpty(browser);
} finally {
  await browser.close();
}
