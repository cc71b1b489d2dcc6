import { expect, test } from "bun:test";
import { join } from "node:path";
import { openDatabase } from "../../src/database/database.ts";
import { events } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { EventLog } from "../../src/usage/event-log.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const one = { sessionId: "s", source: "LOCAL" as const, event: "HIT" as const, hash: "a", durationMs: 5 };

test("events are kept with who reported them, thousands at a time, until they expire", async () => {
  using folder = temporaryFolder();
  const database = openDatabase(join(folder.path, "larder.db"));
  const team = await new Teams(database).ensureDefault();
  const log = new EventLog(database);
  const reporter = {
    teamId: team.id,
    tool: "turbo",
    tokenId: null,
    clientCi: "GITHUB_ACTIONS",
    clientInteractive: null,
  };
  const before = Date.now();
  await log.record(reporter, []);
  await log.record(
    reporter,
    Array.from({ length: 10_000 }, (_, index) => ({ ...one, hash: `h${index}` })),
  );
  const rows = await database.read.select().from(events);
  expect(rows).toHaveLength(10_000);
  expect(rows[9_999]).toMatchObject({ ...reporter, ...one, hash: "h9999" });

  await log.expire(before);
  expect(await database.read.select().from(events)).toHaveLength(10_000);
  await log.expire(Date.now() + 1);
  expect(await database.read.select().from(events)).toEqual([]);
  await database.close();
});
