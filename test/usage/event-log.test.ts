import { expect, test } from "bun:test";
import { join } from "node:path";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { openDatabase } from "../../src/database/database.ts";
import { events } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { EventLog } from "../../src/usage/event-log.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const one = { sessionId: "s", source: "LOCAL" as const, event: "HIT" as const, hash: "a", durationMs: 5 };

async function openTestLog(limit?: number) {
  const folder = temporaryFolder();
  const database = openDatabase(join(folder.path, "larder.db"));
  const team = await new Teams(database, serverActor).ensureDefault();
  return {
    log: new EventLog(database, pino({ level: "silent" }), limit),
    reporter: {
      teamId: team.id,
      tool: "turbo",
      tokenId: null,
      clientCi: "GITHUB_ACTIONS",
      clientInteractive: null,
    },
    rows: () => database.read.select().from(events),
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}

test("events are kept with who reported them until they expire", async () => {
  await using t = await openTestLog();
  const before = Date.now();
  await t.log.record(t.reporter, []);
  for (let report = 0; report < 5; report++) {
    await t.log.record(
      t.reporter,
      Array.from({ length: 1_000 }, (_, index) => ({ ...one, hash: `h${report}-${index}` })),
    );
  }
  const rows = await t.rows();
  expect(rows).toHaveLength(5_000);
  expect(rows[4_999]).toMatchObject({ ...t.reporter, ...one, hash: "h4-999" });

  await t.log.expire(before);
  expect(await t.rows()).toHaveLength(5_000);
  await t.log.expire(Date.now() + 1);
  expect(await t.rows()).toEqual([]);
});

test("events beyond the limit are dropped until others expire", async () => {
  await using t = await openTestLog(3);
  await t.log.record(t.reporter, [one, one]);
  await t.log.record(t.reporter, [one, one]);
  expect(await t.rows()).toHaveLength(2);
  await t.log.record(t.reporter, [one]);
  expect(await t.rows()).toHaveLength(3);
  await t.log.expire(Date.now() + 1);
  await t.log.record(t.reporter, [one, one, one]);
  expect(await t.rows()).toHaveLength(3);
});

test("events that could not be written do not count", async () => {
  await using t = await openTestLog(2);
  // Of a team that there is not.
  const failed = t.log.record({ ...t.reporter, teamId: "team_none" }, [one, one]);
  expect(await failed.then(() => "kept").catch(() => "failed")).toBe("failed");
  await t.log.record(t.reporter, [one, one]);
  expect(await t.rows()).toHaveLength(2);
});

test("an expiry that is asked to end does so between two steps", async () => {
  await using t = await openTestLog();
  await t.log.record(t.reporter, [one]);
  await t.log.expire(Date.now() + 1, AbortSignal.abort());
  expect(await t.rows()).toHaveLength(1);
});
