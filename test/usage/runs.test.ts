import { Database as Sqlite } from "bun:sqlite";
import { expect, test } from "bun:test";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { cursorOf } from "../../src/database/cursor.ts";
import * as schema from "../../src/database/schema.ts";
import { artifacts, blobs, runs, tokens, users } from "../../src/database/schema.ts";
import { type Run, Runs } from "../../src/usage/runs.ts";
import { askerOf, clientEvent, openTestUsage } from "./test-usage.ts";

type TestUsage = Awaited<ReturnType<typeof openTestUsage>>;

async function insertRuns(
  t: TestUsage,
  rows: {
    teamId: string;
    startedAt: number;
    tool?: string;
    originKind?: Run["origin"]["kind"];
    originId?: string;
  }[],
) {
  const facts = {
    tool: "turbo",
    originKind: "token" as const,
    originId: "tok_1",
    tokenId: "tok_1",
    actorName: "ci",
    scope: "",
  };
  await t.database.write(async (tx) => {
    await tx.insert(runs).values(rows.map((row) => ({ ...facts, ...row, lastEventAt: row.startedAt })));
  });
}

async function allPages(
  t: TestUsage,
  filter: Parameters<typeof t.runs.list>[0],
  limit: number,
): Promise<Run[]> {
  const found: Run[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await t.runs.list(filter, { limit, cursor });
    expect(items.length).toBeLessThanOrEqual(limit);
    found.push(...items);
    if (nextCursor === null) return found;
    cursor = nextCursor;
  }
}

test("runs are listed newest first, page by page, each once, whatever the list is narrowed by", async () => {
  await using t = await openTestUsage();
  const web = await t.teams.create({ slug: "web" });
  const rows = Array.from({ length: 40 }, (_, index) => ({
    teamId: index % 3 === 0 ? web.id : t.team.id,
    // Several began at the same time.
    startedAt: Math.floor(index / 4) * 10,
    tool: index % 5 === 0 ? "nx" : "turbo",
    originId: index % 4 === 0 ? "tok_2" : "tok_1",
  }));
  await insertRuns(t, rows);
  const expected = (holds: (row: (typeof rows)[number]) => boolean) =>
    rows
      .map((row, index) => ({ ...row, id: index + 1 }))
      .filter(holds)
      .sort((a, b) => b.startedAt - a.startedAt || b.id - a.id)
      .map(({ id }) => id);
  const listed = async (filter: Parameters<typeof t.runs.list>[0], limit = 3) =>
    (await allPages(t, filter, limit)).map(({ id }) => id);

  expect(await listed({})).toEqual(expected(() => true));
  expect(await listed({}, 40)).toEqual(expected(() => true));
  expect(await listed({ teamIds: [web.id] })).toEqual(expected(({ teamId }) => teamId === web.id));
  expect(await listed({ teamIds: [web.id, t.team.id] })).toEqual(expected(() => true));
  expect(await listed({ teamIds: [] })).toEqual([]);
  expect(await listed({ tool: "nx" })).toEqual(expected(({ tool }) => tool === "nx"));
  expect(await listed({ origin: "tok_2" })).toEqual(expected(({ originId }) => originId === "tok_2"));
  expect(await listed({ origin: "token" })).toEqual(expected(() => true));
  expect(await listed({ origin: "policy" })).toEqual([]);
  expect(await listed({ since: 20, until: 50 })).toEqual(
    expected(({ startedAt }) => startedAt >= 20 && startedAt < 50),
  );
});

/** How SQLite finds the runs of a list, query by query. */
async function plansOf(t: TestUsage, filter: Parameters<typeof t.runs.list>[0]): Promise<string[]> {
  using sqlite = new Sqlite(t.path, { readonly: true });
  const plans: string[] = [];
  const logQuery = (query: string, values: unknown[]) => {
    const steps = sqlite.query(`EXPLAIN QUERY PLAN ${query}`).all(...(values as string[])) as {
      detail: string;
    }[];
    plans.push(steps.map(({ detail }) => detail).join("; "));
  };
  const read = drizzle(sqlite, { schema, casing: "snake_case", logger: { logQuery } });
  await new Runs({ ...t.database, read }).list(filter);
  return plans;
}

test("a list of a team's runs, of one origin or of all, reads no other team's", async () => {
  await using t = await openTestUsage();
  const teamIds = [t.team.id];
  const inTeam = "SEARCH runs USING COVERING INDEX runs_team_started (team_id=?)";
  const ofOrigin = "SEARCH runs USING COVERING INDEX runs_team_origin_started (team_id=? AND origin_id=?";
  expect(await plansOf(t, { teamIds })).toEqual([inTeam]);
  expect(await plansOf(t, { teamIds, origin: "tok_1" })).toEqual([`${ofOrigin})`]);
  // First where a step ends, then what is meant in it.
  expect(await plansOf(t, { teamIds, origin: "tok_1", tool: "nx" })).toEqual([
    `${ofOrigin})`,
    `${ofOrigin})`,
  ]);
  expect(await plansOf(t, { teamIds, origin: "tok_1", since: 1, until: 9 })).toEqual([
    `${ofOrigin} AND started_at>? AND started_at<?)`,
  ]);
  expect(await plansOf(t, { origin: "tok_1" })).toEqual([
    "SEARCH runs USING COVERING INDEX runs_origin_started (origin_id=?)",
  ]);
  const inSpan = inTeam.replace(")", " AND started_at>? AND started_at<?)");
  const span = { since: 1, until: 9 };
  expect(await plansOf(t, { teamIds, origin: "policy", ...span })).toEqual([inSpan, inSpan]);
  expect(await plansOf(t, { teamIds, tool: "nx", ...span })).toEqual([inSpan, inSpan]);
  expect(await plansOf(t, {})).toEqual(["SCAN runs USING COVERING INDEX runs_started"]);
});

test("what is seldom is found behind very many others, once, and others have their turn meanwhile", async () => {
  await using t = await openTestUsage();
  const web = await t.teams.create({ slug: "web" });
  const often = { teamId: t.team.id };
  const seldom = { teamId: t.team.id, tool: "nx", originKind: "policy" as const, originId: "pol_1" };
  await insertRuns(t, [{ ...seldom, startedAt: 1 }]);
  for (let step = 0; step < 25; step++) {
    // Many have the same time.
    const startedAt = (index: number) => 2 + step * 10 + (index % 10);
    await insertRuns(
      t,
      Array.from({ length: 1_000 }, (_, index) => ({ ...often, startedAt: startedAt(index) })),
    );
    if (step % 10 === 5) await insertRuns(t, [{ ...seldom, startedAt: startedAt(0) }]);
  }
  for (const wish of [{ origin: "policy" }, { tool: "nx" }, { tool: "nx", teamIds: [web.id, t.team.id] }]) {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const all = (await t.runs.list(wish, { limit: 10 })).items;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(all.map(({ startedAt }) => startedAt)).toEqual([152, 52, 1]);
    const first = await t.runs.list(wish, { limit: 2 });
    expect(first.items).toEqual(all.slice(0, 2));
    const cursor = first.nextCursor as string;
    expect(await t.runs.list(wish, { limit: 2, cursor })).toEqual({ items: all.slice(2), nextCursor: null });
    expect((await t.runs.list({ ...wish, since: 52, until: 152 })).items).toEqual(all.slice(1, 2));
    expect((await t.runs.list({ ...wish, until: 52 }, { limit: 2, cursor })).items).toEqual(all.slice(2));
    expect((await t.runs.list({ ...wish, until: 200 }, { limit: 2, cursor })).items).toEqual(all.slice(2));
  }
  expect((await t.runs.list({ origin: "environment" })).items).toEqual([]);
});

test("a run names whose it was, as far as that is still known", async () => {
  await using t = await openTestUsage();
  await t.database.write(async (tx) => {
    const user = {
      id: "usr_1",
      email: "ann@example.org",
      name: "Ann",
      role: "member" as const,
      createdAt: 1,
    };
    await tx.insert(users).values(user);
    const token = { teamId: t.team.id, permission: "read" as const, createdAt: 1 };
    await tx
      .insert(tokens)
      .values({ id: "tok_job", name: "job", ...token, secretSha256: "x", claims: { ref: "main" } });
  });
  const report = [clientEvent({ source: "LOCAL" })];
  t.recorder.report(askerOf(t.team.id, { userId: "usr_1", name: "laptop" }), null, report);
  t.recorder.report(
    askerOf(t.team.id, { tokenId: "tok_job", origin: { kind: "policy", id: "pol_gone" }, name: "job" }),
    "GITHUB_ACTIONS",
    report,
  );
  await t.recorder.close();
  const { items } = await t.runs.list({});
  expect(items.find(({ user }) => user === "ann@example.org")).toMatchObject({
    origin: { kind: "token", id: "tok_1", name: "laptop" },
    claims: null,
    clientCi: null,
  });
  const job = items.find(({ claims }) => claims !== null) as Run;
  expect(job).toMatchObject({
    origin: { kind: "policy", id: "pol_gone", name: "job" },
    claims: { ref: "main" },
    user: null,
    clientCi: "GITHUB_ACTIONS",
  });
  expect(await t.runs.get(job.id)).toEqual(job);
  expect(await t.runs.get(999)).toBeUndefined();
});

test("events are listed in their order, page by page, with what is stored under their hash where the run could see it", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id, { scope: "pr-1" });
  await t.database.write(async (tx) => {
    await tx.insert(blobs).values({ id: 1, sha256: "x", sizeBytes: 1, createdAt: 1 });
    const facts = { teamId: t.team.id, tool: "turbo", blobId: 1, durationMs: 1, createdAt: 1 };
    await tx.insert(artifacts).values([
      { id: 1, ...facts, scope: "", hash: "both" },
      { id: 2, ...facts, scope: "pr-1", hash: "both" },
      { id: 3, ...facts, scope: "", hash: "trusted" },
      { id: 4, ...facts, scope: "pr-2", hash: "others" },
      { id: 5, ...facts, tool: "nx", scope: "", hash: "othertool" },
    ]);
  });
  const hashes = ["both", "trusted", "others", "othertool", "nothing"];
  t.recorder.report(
    asker,
    null,
    hashes.map((hash) => clientEvent({ source: "LOCAL", hash })),
  );
  t.recorder.report(askerOf(t.team.id, { tokenId: "tok_2" }), null, [clientEvent({ source: "LOCAL" })]);
  await t.recorder.close();
  const run = (await t.runs.list({ origin: "tok_1" })).items[0] as Run;
  expect(run.scope).toBe("pr-1");
  const first = await t.runs.events(run, { limit: 3 });
  const second = await t.runs.events(run, { limit: 3, cursor: first.nextCursor as string });
  expect(second.nextCursor).toBeNull();
  expect([...first.items, ...second.items].map(({ hash, artifactId }) => [hash, artifactId])).toEqual([
    ["both", 2],
    ["trusted", 3],
    ["others", null],
    ["othertool", null],
    ["nothing", null],
  ]);
});

test("a cursor that is none of the list is refused", async () => {
  await using t = await openTestUsage();
  await insertRuns(t, [{ teamId: t.team.id, startedAt: 1 }]);
  for (const cursor of ["", "x", cursorOf(1), cursorOf(1, 2, 3), cursorOf("a", 1)]) {
    await expect(t.runs.list({}, { limit: 3, cursor })).rejects.toThrow("none of this list");
  }
  const run = (await t.runs.get(1)) as Run;
  for (const cursor of ["", "x", cursorOf("1"), cursorOf(1, 2)]) {
    await expect(t.runs.events(run, { limit: 3, cursor })).rejects.toThrow("none of this list");
  }
});
