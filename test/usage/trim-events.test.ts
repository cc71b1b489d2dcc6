import { expect, test } from "bun:test";
import { events } from "../../src/database/schema.ts";
import { EventTrimmer } from "../../src/usage/trim-events.ts";
import { allRuns, askerOf, clientEvent, openTestUsage } from "./test-usage.ts";

async function openWithTwoTeams() {
  const t = await openTestUsage();
  const flooding = await t.teams.create({ slug: "flooding" });
  return {
    ...t,
    trim: (atMost: number, signal?: AbortSignal) => new EventTrimmer(t.database, atMost).trim(signal),
    /** Runs of `count` events each. */
    async fill(team: "quiet" | "flooding", sessions: readonly string[], count: number) {
      const asker = askerOf(team === "quiet" ? t.team.id : flooding.id, { tokenId: `tok_${team}` });
      for (const sessionId of sessions) {
        const of = (index: number) => clientEvent({ source: "LOCAL", sessionId, hash: `h${index}` });
        t.recorder.report(
          asker,
          null,
          Array.from({ length: count }, (_, index) => of(index)),
        );
        await t.recorder.flush();
      }
    },
    async left() {
      const ids = (await allRuns(t.database)).map(({ sessionId }) => sessionId ?? "none");
      return { runs: ids.sort(), events: await t.database.read.$count(events) };
    },
  };
}

test("of too many events the oldest runs of the team with the most go, and no other's", async () => {
  await using t = await openWithTwoTeams();
  await t.fill("quiet", ["q1", "q2"], 50);
  await t.fill("flooding", ["f1", "f2", "f3"], 2_100);
  const all = ["f1", "f2", "f3", "q1", "q2"];
  await t.trim(6_400);
  expect(await t.left()).toEqual({ runs: all, events: 6_400 });
  await t.trim(6_399, AbortSignal.abort());
  expect(await t.left()).toEqual({ runs: all, events: 6_400 });
  await t.trim(6_399);
  expect(await t.left()).toEqual({ runs: ["f2", "f3", "q1", "q2"], events: 4_300 });
  await t.trim(300);
  expect(await t.left()).toEqual({ runs: ["q1", "q2"], events: 100 });
});

test("where some have gone from the middle, no more than needed go", async () => {
  await using t = await openWithTwoTeams();
  const trimmer = new EventTrimmer(t.database, 30);
  await t.fill("quiet", ["q1"], 10);
  await t.fill("flooding", ["f1", "f2", "f3"], 10);
  await trimmer.trim();
  expect(await t.left()).toEqual({ runs: ["f2", "f3", "q1"], events: 30 });
  await trimmer.trim();
  expect(await t.left()).toEqual({ runs: ["f2", "f3", "q1"], events: 30 });
  await t.fill("flooding", ["f4"], 10);
  await trimmer.trim();
  expect(await t.left()).toEqual({ runs: ["f3", "f4", "q1"], events: 30 });
});
