/* Two weeks of made-up builds in a data folder, for pictures: what is random in them is the same each time. */
import { eq, type SQL, sql, sum } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { pino } from "pino";
import { serverActor } from "../src/audit/audit-log.ts";
import { createDataFolder, openDataFolder } from "../src/database/data-folder.ts";
import type { Database } from "../src/database/database.ts";
import { artifacts, blobs, events, runs, teams } from "../src/database/schema.ts";
import { Policies } from "../src/identity/policies.ts";
import { type Team, Teams } from "../src/identity/teams.ts";
import { type CreatedToken, Tokens } from "../src/identity/tokens.ts";
import type { Asker } from "../src/usage/asker.ts";
import { StorageRecorder } from "../src/usage/storage-recorder.ts";
import { UsageRecorder } from "../src/usage/usage-recorder.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const days = 14;
export const repository = "acme/web";

/** Those who build, each with a credential of its own. */
export interface Builder {
  asker: Asker;
  secret: string;
  teamSlug: string;
  clientCi: string | null;
}

/** Numbers that look like chance, and are the same each time. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Makes the data folder, its teams and their tokens and policies. */
export async function createBuilders(dataFolder: string): Promise<Builder[]> {
  createDataFolder(dataFolder);
  return await withDatabase(dataFolder, async (database) => {
    const teams = new Teams(database, serverActor);
    const web = await teams.create({ slug: "web", name: "Web" });
    const mobile = await teams.create({ slug: "mobile", name: "Mobile" });
    await teams.set(web.id, { quotaBytes: 25 * 2 ** 20 });
    const tokens = new Tokens(database, serverActor);
    const make = (team: Team, name: string) => tokens.create({ teamId: team.id, name, permission: "write" });
    const ref = "refs/heads/main";
    return [
      await ciBuilder(database, web, {
        label: "main",
        claims: { repository, ref, event_name: "push|schedule|workflow_dispatch" },
        job: { repository, ref, event_name: "push", run_id: "8412", actor: "ann" },
      }),
      await ciBuilder(database, web, {
        label: "pull requests",
        claims: { repository, ref: "refs/pull/{number}/merge", event_name: "pull_request" },
        template: "pr-{repository}-{number}",
        job: { repository, ref: "refs/pull/128/merge", event_name: "pull_request", run_id: "8415" },
        scope: "pr-acme.2Fweb-128",
      }),
      builderOf(web, await make(web, "laptop of Bob"), null),
      builderOf(mobile, await make(mobile, "nightly builds"), "BITRISE"),
    ];
  });
}

interface Job {
  label: string;
  /** What the policy asks for, and which scope it gives. */
  claims: Record<string, string>;
  template?: string;
  /** What one job says of itself, and the scope that it got. */
  job: Record<string, string>;
  scope?: string;
}

/** A job of GitHub's, with a token as if it had proved that. */
async function ciBuilder(database: Database, team: Team, wanted: Job): Promise<Builder> {
  const { label, claims, template = "", job, scope = "" } = wanted;
  const name = `github ${repository} ${label}`;
  const [policy] = await new Policies(database, serverActor).create({
    name,
    teamId: team.id,
    issuer: "https://token.actions.githubusercontent.com",
    audience: "larder",
    claims,
    permission: "write",
    scope: template,
  });
  if (!policy) throw new Error("No policy was made.");
  const token = await new Tokens(database, serverActor).create({
    teamId: team.id,
    name: `${repository} run ${job.run_id}`,
    permission: "write",
    scope,
    exchange: { policyId: policy.id, claims: job },
    expiresAt: Date.now() + hourMs,
  });
  const builder = builderOf(team, token, "GITHUB_ACTIONS");
  return { ...builder, asker: { ...builder.asker, origin: { kind: "policy", id: policy.id }, name, scope } };
}

function builderOf(team: Team, { id, name, secret }: CreatedToken, clientCi: string | null): Builder {
  const asker: Asker = {
    teamId: team.id,
    tool: "turbo",
    origin: { kind: "token", id },
    tokenId: id,
    name,
    userId: null,
    scope: "",
  };
  return { asker, secret, teamSlug: team.slug, clientCi };
}

/** Builds over the last days, most of them while people work, and artifacts as old as that. The folder is nobody else's meanwhile. */
export async function fillHistory(dataFolder: string, builders: readonly Builder[]): Promise<void> {
  await withDatabase(dataFolder, async (database) => {
    await database.write(async (queries) => {
      // What has just happened did so over the last hour, and what was kept was so over the last days.
      const ago = (column: SQLiteColumn, steps: SQL, stepMs: number) => sql`${column} - ${steps} * ${stepMs}`;
      const ofRun = (id: SQLiteColumn) => sql`(${2 * builders.length} + 1 - ${id})`;
      await queries
        .update(events)
        .set({ createdAt: ago(events.createdAt, ofRun(events.runId), 6 * minuteMs) });
      await queries.update(runs).set({
        startedAt: ago(runs.startedAt, ofRun(runs.id), 6 * minuteMs),
        lastEventAt: ago(runs.lastEventAt, ofRun(runs.id), 6 * minuteMs),
      });
      const steps = sql`(${artifacts.id} * 97 % 240)`;
      await queries.update(artifacts).set({
        createdAt: ago(artifacts.createdAt, steps, hourMs),
        lastUsedAt: ago(artifacts.lastUsedAt, steps, 10 * minuteMs),
      });
    });
    await recordBuilds(new UsageRecorder(database, pino({ level: "silent" })), builders);
    await recordStorage(database);
  });
}

/** As if what is stored now had come over the last days. */
async function recordStorage(database: Database): Promise<void> {
  const all = await database.read.select().from(teams);
  const [stored] = await database.read
    .select({ sizeBytes: sum(blobs.sizeBytes).mapWith(Number) })
    .from(blobs);
  const until = Date.now();
  const since = until - days * 24 * hourMs;
  const random = randomFrom(11);
  let share = 0.4;
  const recorder = new StorageRecorder(database, () => Math.round((stored?.sizeBytes ?? 0) * share));
  for (let at = since; at < until; at += hourMs) {
    await database.write(async (queries) => {
      for (const { id, usedBytes } of all)
        await queries
          .update(teams)
          .set({ usedBytes: Math.round(usedBytes * share), createdAt: since })
          .where(eq(teams.id, id));
    });
    await recorder.record(at);
    share += (1 - share) * random() * 0.02;
  }
  await database.write(async (queries) => {
    for (const { id, usedBytes } of all)
      await queries.update(teams).set({ usedBytes }).where(eq(teams.id, id));
  });
}

/** The recorder asks the clock, so the clock is put back for it. */
async function recordBuilds(recorder: UsageRecorder, builders: readonly Builder[]): Promise<void> {
  const random = randomFrom(7);
  const realNow = Date.now;
  // The builds of today are real ones.
  const until = realNow() - hourMs;
  try {
    for (let at = until - days * 24 * hourMs; at < until; at += hourMs) {
      const hour = new Date(at).getUTCHours();
      const isBusy = hour >= 7 && hour < 18;
      for (const [index, builder] of builders.entries()) {
        if (random() > (isBusy ? 0.8 : 0.12)) continue;
        const startedAt = at + Math.floor(random() * hourMs * 0.8);
        Date.now = () => startedAt;
        recordBuild(recorder, builder, `${at} ${index}`, random);
      }
      await recorder.flush();
    }
  } finally {
    Date.now = realNow;
  }
}

function recordBuild(
  recorder: UsageRecorder,
  { asker, clientCi }: Builder,
  name: string,
  random: () => number,
): void {
  const tasks = 12 + Math.floor(random() * 50);
  const sessionId = crypto.randomUUID();
  const missRate = 0.08 + random() * 0.25;
  const events = Array.from({ length: tasks }, (_, task) => {
    const hash = hashOf(`${name} ${task}`);
    const durationMs = Math.floor(1_500 + random() ** 3 * 90_000);
    const sizeBytes = Math.floor(2_000 + random() ** 4 * 50_000);
    const isMiss = random() < missRate;
    const isLocal = !isMiss && clientCi === null && random() < 0.6;
    if (isMiss) {
      recorder.read(asker, hash);
      recorder.upload(asker, hash, { durationMs, sizeBytes });
    } else if (!isLocal) recorder.read(asker, hash, { durationMs, sizeBytes, scope: "" });
    return {
      sessionId,
      source: isLocal ? ("LOCAL" as const) : ("REMOTE" as const),
      event: isMiss ? ("MISS" as const) : ("HIT" as const),
      hash,
      durationMs: isMiss ? 0 : durationMs,
    };
  });
  recorder.report(asker, clientCi, events);
}

export function hashOf(text: string): string {
  return Bun.hash(text).toString(16).padStart(16, "0");
}

async function withDatabase<T>(dataFolder: string, use: (database: Database) => Promise<T>): Promise<T> {
  const database = openDataFolder(dataFolder);
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}
