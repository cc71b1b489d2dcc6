import { expect, test } from "bun:test";
import { RememberedOverviews } from "../../src/admin/remembered-overviews.ts";
import type { UsageFilter, UsageHistory } from "../../src/usage/usage-history.ts";
import { openTestUsage, recently } from "../usage/test-usage.ts";

/** Counts how often the figures are read, and how many read them at once. */
function counting(history: UsageHistory) {
  const counted = { reads: 0, atOnce: 0, mostAtOnce: 0 };
  const byOrigin = history.byOrigin.bind(history);
  history.byOrigin = async (filter: UsageFilter, atMost: number) => {
    counted.reads++;
    counted.mostAtOnce = Math.max(counted.mostAtOnce, ++counted.atOnce);
    await new Promise((turned) => setImmediate(turned));
    counted.atOnce--;
    return await byOrigin(filter, atMost);
  };
  return counted;
}

test("those who ask the same share an answer, for a moment, and others come one after the other", async () => {
  await using t = await openTestUsage();
  const counted = counting(t.history);
  const overviews = new RememberedOverviews(t.history, { maxAgeMs: 60_000 });
  const span = recently();
  const ask = (teamIds: string[]) => overviews.get("ann", { span, teamIds }, { byTeam: false });
  await Promise.all(Array.from({ length: 40 }, (_, index) => ask([`team_${index % 4}`])));
  await ask(["team_0"]);
  expect(counted).toEqual({ reads: 4, atOnce: 0, mostAtOnce: 1 });

  const forgetful = new RememberedOverviews(t.history, { maxAgeMs: 0 });
  for (let round = 0; round < 2; round++) await forgetful.get("ann", { span: recently() }, { byTeam: true });
  expect(counted.reads).toBe(6);
});

test("of very many that wait the last are sent away, and what failed is asked anew", async () => {
  await using t = await openTestUsage();
  const overviews = new RememberedOverviews(t.history, { maxWaiting: 1 });
  const ask = (team: string) =>
    overviews.get("ann", { span: recently(), teamIds: [team] }, { byTeam: false });
  const asked = await Promise.allSettled(["a", "b", "c"].map(ask));
  expect(asked.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(await ask("c").then(() => "there")).toBe("there");

  const { totals } = t.history;
  t.history.totals = () => Promise.reject(new Error("disk"));
  expect(await ask("d").catch(({ message }) => message)).toBe("disk");
  t.history.totals = totals;
  expect(await ask("d").then(() => "there")).toBe("there");
});

test("nobody waits in another's line, not even for the same", async () => {
  await using t = await openTestUsage();
  const counted = counting(t.history);
  const overviews = new RememberedOverviews(t.history, { maxWaiting: 20 });
  const answered: string[] = [];
  const ask = async (owner: string, team: string) => {
    await overviews.get(owner, { span: recently(), teamIds: [team] }, { byTeam: false });
    answered.push(`${owner} ${team}`);
  };
  const asked = Array.from({ length: 30 }, (_, index) => ask("ann", `team_${index}`));
  asked.push(ask("ben", "team_20"), ask("cleo", "team_b"));
  const ends = await Promise.allSettled(asked);
  expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(9);
  expect(answered.slice(0, 4)).toEqual(["ann team_0", "ben team_20", "cleo team_b", "ann team_1"]);
  expect(counted.mostAtOnce).toBe(1);
});
