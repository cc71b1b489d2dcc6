import { expect, test } from "bun:test";
import { join } from "node:path";
import { serverActor } from "../../src/audit/audit-log.ts";
import { openDatabase } from "../../src/database/database.ts";
import { Teams } from "../../src/identity/teams.ts";
import { TokenUse } from "../../src/identity/token-use.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const minute = 60_000;
const now = 1_800_000_000_000;

async function openTestUse() {
  const folder = temporaryFolder();
  const database = openDatabase(join(folder.path, "larder.db"));
  const team = await new Teams(database, serverActor).ensureDefault();
  const tokens = new Tokens(database, serverActor);
  let writes = 0;
  let isBroken = false;
  const counted = {
    ...database,
    write: <T>(work: Parameters<typeof database.write<T>>[0]) => {
      writes++;
      return isBroken ? Promise.reject(new Error("broken")) : database.write(work);
    },
  };
  return {
    database,
    use: new TokenUse(counted),
    create: async (name: string) => (await tokens.create({ teamId: team.id, name, permission: "read" })).id,
    lastUses: async () =>
      Object.fromEntries((await tokens.list()).map(({ id, lastUsedAt }) => [id, lastUsedAt])),
    writes: () => writes,
    breakWrites: (broken: boolean) => {
      isBroken = broken;
    },
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}

test("uses are written together, when they were, and no request waits for it", async () => {
  await using t = await openTestUse();
  const [a, b, c] = [await t.create("a"), await t.create("b"), await t.create("c")];
  t.use.note(a, now);
  t.use.note(b, now + 1_000);
  t.use.note(null, now);
  t.use.note("tok_gone", now);
  expect(await t.lastUses()).toEqual({ [a]: null, [b]: null, [c]: null });
  expect(t.writes()).toBe(0);
  await t.use.flush(now + 2_000);
  expect(await t.lastUses()).toEqual({ [a]: now, [b]: now + 1_000, [c]: null });
  expect(t.writes()).toBe(1);
});

test("those within a minute count as one, and without any nothing is written", async () => {
  await using t = await openTestUse();
  const a = await t.create("a");
  for (let second = 0; second < 120; second++) {
    t.use.note(a, now + second * 1_000);
    await t.use.flush(now + second * 1_000);
  }
  expect(t.writes()).toBe(2);
  expect(await t.lastUses()).toEqual({ [a]: now + minute });
});

test("a write that fails is made up for, and an earlier use never takes the place of a later one", async () => {
  await using t = await openTestUse();
  const a = await t.create("a");
  t.use.note(a, now);
  t.breakWrites(true);
  expect(await t.use.flush(now).catch((error) => error.message)).toBe("broken");
  t.breakWrites(false);
  t.use.note(a, now + 2 * minute);
  await t.use.flush(now + 2 * minute);
  expect(await t.lastUses()).toEqual({ [a]: now + 2 * minute });
  // As by another process, whose clock is behind.
  const other = new TokenUse(t.database);
  other.note(a, now + minute);
  await other.flush(now + minute);
  expect(await t.lastUses()).toEqual({ [a]: now + 2 * minute });
});

test("makes nobody forget who holds which token", async () => {
  await using t = await openTestUse();
  const a = await t.create("a");
  const version = t.database.identityVersion();
  t.use.note(a, now);
  await t.use.flush(now);
  expect(await t.lastUses()).toEqual({ [a]: now });
  expect(t.database.identityVersion()).toBe(version);
});
