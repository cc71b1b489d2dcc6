import { expect, test } from "bun:test";
import { usageDays, usageMonths } from "../../src/database/schema.ts";
import { BoundedOrigins } from "../../src/usage/bounded-origins.ts";
import { addToRollups } from "../../src/usage/usage-rows.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { askerOf, hourUse, openTestUsage } from "./test-usage.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T12:00Z");

test("of the origins that a team has in a month some have sums of their own, restarts or not, and the next month begins anew", async () => {
  await using t = await openTestUsage();
  const other = await t.teams.create({ slug: "other" });
  const count = (teamId: string, date: string, ids: readonly string[]) =>
    t.database.write((tx) => {
      const uses = ids.map((id) =>
        hourUse(askerOf(teamId, { tokenId: id }), Date.parse(date), { uploads: 1 }),
      );
      return addToRollups(tx, uses, new BoundedOrigins({ day: 3, month: 5 }));
    });
  await count(t.team.id, "2026-09-01", ["a", "b", "c", "d"]);
  await count(t.team.id, "2026-09-02", ["e", "f", "g"]);
  await count(t.team.id, "2026-09-30", ["a", "h", "e"]);
  await count(t.team.id, "2026-10-01", ["h"]);
  await count(other.id, "2026-09-30", ["h"]);

  const rowsOf = async (table: typeof usageDays | typeof usageMonths) =>
    (await t.database.read.select().from(table))
      .filter(({ teamId }) => teamId === t.team.id)
      .map(({ startAt, originId, uploads }) =>
        [new Date(startAt).toISOString().slice(5, 10), originId, uploads].join(" "),
      )
      .sort();
  expect(await rowsOf(usageDays)).toEqual([
    ...["09-01 a 1", "09-01 b 1", "09-01 c 1", "09-01 other 1"],
    ...["09-02 e 1", "09-02 f 1", "09-02 g 1"],
    ...["09-30 a 1", "09-30 e 1", "09-30 h 1"],
    "10-01 h 1",
  ]);
  expect(await rowsOf(usageMonths)).toEqual([
    ...["09-01 a 2", "09-01 b 1", "09-01 c 1", "09-01 e 2", "09-01 f 1", "09-01 other 3"],
    "10-01 h 1",
  ]);
  const span = usageSpan(now - 200 * day, now, now);
  const listed = await t.history.byOrigin({ span }, 20);
  expect(listed.reduce((sum, { uploads }) => sum + uploads, 0)).toBe(12);
  expect(await t.history.byOrigin({ span, teamIds: [other.id] }, 20)).toMatchObject([
    { id: "h", uploads: 1 },
  ]);
});
