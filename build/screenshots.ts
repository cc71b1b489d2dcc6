/* Takes the pictures of docs/screenshots from a real server that has a week of made-up builds behind it. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { chromium } from "playwright-core";
import { serverActor } from "../src/audit/audit-log.ts";
import { createDataFolder, openDataFolder } from "../src/database/data-folder.ts";
import { Teams } from "../src/identity/teams.ts";
import { Tokens } from "../src/identity/tokens.ts";
import type { Asker } from "../src/usage/asker.ts";
import { UsageRecorder } from "../src/usage/usage-recorder.ts";
import { takeSession } from "../test/browser/signed-in.ts";
import { startLarder } from "../test/larder.ts";
import { SiteClient } from "../test/sign-in/site-client.ts";
import { temporaryFolder } from "../test/temporary-folder.ts";

const target = join(import.meta.dir, "../docs/screenshots");
const hourMs = 3_600_000;
const days = 14;

const pictures = [
  { name: "overview", path: "", width: 1280, height: 1180, scheme: "light" },
  { name: "overview-dark", path: "", width: 1280, height: 1180, scheme: "dark" },
  { name: "overview-phone", path: "", width: 390, height: 844, scheme: "light" },
  { name: "runs", path: "/runs", width: 1280, height: 820, scheme: "light" },
  { name: "connect", path: "/connect?team=web", width: 1280, height: 820, scheme: "light" },
] as const;

/** Numbers that look like chance, and are the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** @returns a token with which to upload. */
async function fill(dataFolder: string): Promise<string> {
  createDataFolder(dataFolder);
  const database = openDataFolder(dataFolder);
  try {
    const teams = new Teams(database, serverActor);
    await teams.ensureDefault();
    const [web, mobile] = [
      await teams.create({ slug: "web", name: "Web" }),
      await teams.create({ slug: "mobile", name: "Mobile" }),
    ];
    await teams.set(web.id, { quotaBytes: 20e9 });
    const tokens = new Tokens(database, serverActor);
    const askers: Asker[] = [];
    let secret = "";
    for (const [team, name] of [
      [web, "GitHub Actions of acme/web"],
      [web, "laptop of Bob"],
      [mobile, "nightly builds"],
    ] as const) {
      const token = await tokens.create({ teamId: team.id, name, permission: "write" });
      secret ||= token.secret;
      askers.push({
        teamId: team.id,
        tool: "turbo",
        origin: { kind: "token", id: token.id },
        tokenId: token.id,
        name,
        userId: null,
        scope: "",
      });
    }
    await recordWeek(new UsageRecorder(database, pino({ level: "silent" })), askers);
    return secret;
  } finally {
    await database.close();
  }
}

/** Builds over the last days, most of them while people work. The recorder asks the clock, so the clock is put back for it. */
async function recordWeek(recorder: UsageRecorder, askers: readonly Asker[]): Promise<void> {
  const random = randomFrom(7);
  const now = Date.now();
  const realNow = Date.now;
  try {
    for (let at = now - days * 24 * hourMs; at < now; at += hourMs) {
      const hour = new Date(at).getUTCHours();
      const isBusy = hour >= 7 && hour < 18;
      for (const [index, asker] of askers.entries()) {
        if (random() > (isBusy ? 0.8 : 0.12)) continue;
        const startedAt = at + Math.floor(random() * hourMs * 0.8);
        Date.now = () => Math.min(startedAt, now);
        const tasks = 12 + Math.floor(random() * 50);
        const sessionId = crypto.randomUUID();
        const missRate = 0.08 + random() * 0.25;
        const events = Array.from({ length: tasks }, (_, task) => {
          const hash = Bun.hash(`${at} ${index} ${task}`).toString(16).padStart(16, "0");
          const durationMs = Math.floor(1_500 + random() ** 3 * 90_000);
          const sizeBytes = Math.floor(2_000 + random() ** 4 * 9_000_000);
          const isMiss = random() < missRate;
          const isLocal = !isMiss && index === 1 && random() < 0.6;
          if (isMiss) {
            recorder.read(asker, hash);
            recorder.upload(asker, hash, { durationMs, sizeBytes });
          } else if (!isLocal) recorder.read(asker, hash, { durationMs, sizeBytes });
          return {
            sessionId,
            source: isLocal ? ("LOCAL" as const) : ("REMOTE" as const),
            event: isMiss ? ("MISS" as const) : ("HIT" as const),
            hash,
            durationMs: isMiss ? 0 : durationMs,
          };
        });
        recorder.report(asker, index === 0 ? "GITHUB_ACTIONS" : null, events);
      }
      await recorder.flush();
    }
  } finally {
    Date.now = realNow;
  }
}

async function upload(url: string, token: string): Promise<void> {
  const random = randomFrom(3);
  for (let index = 0; index < 40; index++) {
    const hash = Bun.hash(`kept ${index}`).toString(16).padStart(16, "0");
    const answer = await fetch(`${url}/v8/artifacts/${hash}?slug=web`, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${token}`,
        "x-artifact-duration": String(Math.floor(random() * 40_000)),
      },
      body: new Uint8Array(Math.floor(1_000 + random() * 400_000)).fill(index),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
}

using folder = temporaryFolder();
const dataFolder = join(folder.path, "data");
const token = await fill(dataFolder);
await using larder = await startLarder({ dataFolder, args: ["--max-size", "10GB"] });
const client = new SiteClient(larder.url);
await client.setUp(larder);
await upload(larder.url, token);
await mkdir(target, { recursive: true });
const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome");
if (!executablePath) throw new Error("Taking pictures needs Chromium: install it, and run this again.");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  for (const { name, path, width, height, scheme } of pictures) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: "reduce",
    });
    await takeSession(context, client);
    const page = await context.newPage();
    await page.goto(`${larder.url}/dashboard${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    await page.screenshot({ path: join(target, `${name}.png`) });
    await context.close();
  }
} finally {
  await browser.close();
}
