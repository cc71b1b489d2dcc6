import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { deleteInSteps } from "../../src/database/delete-in-steps.ts";
import { audit } from "../../src/database/schema.ts";
import { openTestAudit } from "../audit/test-audit.ts";

/** Those of kind "a" and "b" take turns, and the newest are written first. */
async function openFilled(rows: number) {
  const t = openTestAudit();
  await t.database.write(async (tx) => {
    for (let start = 0; start < rows; start += 500) {
      const some = Array.from({ length: Math.min(500, rows - start) }, (_, index) => ({
        createdAt: rows - start - index,
        kind: index % 2 === 0 ? "a" : "b",
        actorKind: "server",
        actorName: "larder",
      }));
      await tx.insert(audit).values(some);
    }
  });
  return t;
}

const ofKindA = eq(audit.kind, "a");
const kindsOf = async (t: ReturnType<typeof openTestAudit>) => {
  const rows = await t.rows();
  return ["a", "b"].map((kind) => rows.filter((row) => row.kind === kind).length);
};

test("all that meet the condition go, however many steps it takes, and nothing else does", async () => {
  await using t = await openFilled(10_000);
  expect(await deleteInSteps(t.database, audit, ofKindA)).toBe(5_000);
  expect(await kindsOf(t)).toEqual([0, 5_000]);
  expect(await deleteInSteps(t.database, audit, ofKindA)).toBe(0);
});

test("of a number that was named, the first in order go", async () => {
  await using t = await openFilled(10_000);
  const order = [audit.createdAt, audit.id];
  expect(await deleteInSteps(t.database, audit, ofKindA, { order, atMost: 2_100 })).toBe(2_100);
  const left = (await t.rows()).filter(({ kind }) => kind === "a").map(({ createdAt }) => createdAt);
  expect(left).toHaveLength(2_900);
  // Every other one is of this kind.
  expect(Math.min(...left)).toBe(2 * 2_100 + 2);
  expect(await deleteInSteps(t.database, audit, ofKindA, { order, atMost: 0 })).toBe(0);
});

test("others write between two steps, and whoever asks it to end is heard there", async () => {
  await using t = await openFilled(10_000);
  const stopping = new AbortController();
  const going = deleteInSteps(t.database, audit, ofKindA, { signal: stopping.signal });
  // Joins the first step's commit, so that it is answered before the second begins.
  await t.database.write(async () => stopping.abort());
  expect(await going).toBe(2_000);
  expect(await kindsOf(t)).toEqual([3_000, 5_000]);
});
