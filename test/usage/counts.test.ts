import { afterEach, expect, setSystemTime, test } from "bun:test";
import fc from "fast-check";
import {
  events,
  usageDays,
  usageHours,
  usageMonths,
  usageTeamDays,
  usageTeamHours,
} from "../../src/database/schema.ts";
import { addCounters, type Counters, counterNames, noCounters } from "../../src/usage/counters.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { allRuns, askerOf, clientEvent, openTestUsage, silent } from "./test-usage.ts";

type Step =
  | { do: "read"; who: number; hash: string; found: { durationMs: number; sizeBytes: number } | undefined }
  | { do: "upload"; who: number; hash: string; durationMs: number; sizeBytes: number }
  | { do: "refuse"; who: number; hash: string; durationMs: number }
  | {
      do: "report";
      who: number;
      session: string | null;
      source: "LOCAL" | "REMOTE";
      event: "HIT" | "MISS";
      hash: string;
      durationMs: number;
    }
  | { do: "flush" | "settle" | "restart" | "hour" };

const who = fc.nat(3);
const hash = fc.constantFrom("a", "b", "c");
const durationMs = fc.nat(1_000);
const sizeBytes = fc.nat(100);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      who,
      hash,
      found: fc.option(fc.record({ durationMs, sizeBytes }), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("upload" as const), who, hash, durationMs, sizeBytes }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), who, hash, durationMs }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      who,
      session: fc.constantFrom("s", "t", null),
      source: fc.constantFrom("LOCAL" as const, "REMOTE" as const),
      event: fc.constantFrom("HIT" as const, "MISS" as const),
      hash,
      durationMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("flush" as const, "settle" as const, "restart" as const, "hour" as const),
    }),
  },
);

/** What a step adds, as simply as can be said. */
function expected(one: Step, isAnonymous: boolean): Partial<Counters> {
  if (one.do === "read") {
    if (!one.found) return { remoteMisses: 1 };
    return { remoteHits: 1, remoteSavedMs: one.found.durationMs, downloadedBytes: one.found.sizeBytes };
  }
  if (one.do === "upload") return { uploads: 1, uploadedBytes: one.sizeBytes, missedMs: one.durationMs };
  if (one.do === "refuse") return { refusedUploads: 1, missedMs: one.durationMs };
  if (one.do !== "report" || one.source === "REMOTE" || isAnonymous) return {};
  return one.event === "HIT" ? { localHits: 1, localSavedMs: one.durationMs } : { localMisses: 1 };
}

afterEach(() => {
  setSystemTime();
});

test("whatever comes in whatever order, with restarts in between, all sums are equal and nothing counts twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await using t = await openTestUsage();
      const other = await t.teams.create({ slug: "other" });
      const askers = [
        askerOf(t.team.id),
        // Another job under the same policy, and another team with the same sessions and hashes.
        askerOf(t.team.id, { tokenId: "tok_2", origin: { kind: "policy", id: "pol_1" } }),
        askerOf(other.id, { tokenId: "tok_3", origin: { kind: "policy", id: "pol_1" } }),
        askerOf(t.team.id, { tokenId: null, origin: { kind: "anonymous", id: "" } }),
      ];
      const model = askers.map(() => noCounters());
      /** What the recorder has heard of sessions: the same again counts nothing, until it starts anew. */
      const told = new Set<string>();
      let recorder = new UsageRecorder(t.database, silent);
      setSystemTime();
      const startedAt = Date.now();
      for (const one of steps) {
        if ("who" in one) {
          const asker = askers[one.who] as (typeof askers)[number];
          const report = one.do === "report" && one.source === "LOCAL" && one.session !== null;
          const name = report ? `${one.who} ${one.session} ${one.event} ${one.hash}` : undefined;
          if (name === undefined || !told.has(name))
            addCounters(model[one.who] as Counters, { ...noCounters(), ...expected(one, one.who === 3) });
          if (name !== undefined) told.add(name);
          if (one.do === "read") recorder.read(asker, one.hash, one.found);
          if (one.do === "upload") recorder.upload(asker, one.hash, one);
          if (one.do === "refuse") recorder.refusedUpload(asker, one.hash, one.durationMs);
          if (one.do === "report") {
            recorder.report(asker, null, [clientEvent({ ...one, sessionId: one.session })]);
          }
        }
        if (one.do === "flush") await recorder.flush();
        if (one.do === "settle") await recorder.flush(Date.now() + 60_000);
        if (one.do === "hour") setSystemTime(Date.now() + 3_600_000);
        if (one.do === "restart") {
          await recorder.close();
          recorder = new UsageRecorder(t.database, silent);
          told.clear();
        }
      }
      await recorder.close();

      const runs = await allRuns(t.database);
      for (const [index, { teamId, tokenId }] of askers.entries()) {
        const ofAsker = noCounters();
        const rows = t.database.read.query.runs.findMany().sync();
        for (const row of rows.filter((row) => row.teamId === teamId && row.tokenId === (tokenId ?? ""))) {
          addCounters(ofAsker, row);
        }
        expect(ofAsker).toEqual(model[index] as Counters);
      }
      const all = noCounters();
      for (const counters of model) addCounters(all, counters);
      const span = usageSpan(startedAt, Date.now() + 1);
      expect(span.step).toBe("hour");
      expect(await t.history.totals({ span })).toMatchObject(all);
      const series = noCounters();
      for (const one of await t.history.series({ span })) addCounters(series, one);
      expect(series).toEqual(all);
      for (const table of [usageHours, usageDays, usageMonths, usageTeamHours, usageTeamDays]) {
        const summed = noCounters();
        for (const row of await t.database.read.select().from(table)) addCounters(summed, row);
        expect(summed).toEqual(all);
      }
      // Each that has a row of its own has one.
      const { refusedUploads } = all;
      const counted = counterNames
        .filter((name) => /Hits$|Misses$|^uploads$/.test(name))
        .reduce((sum, name) => sum + all[name], 0);
      expect(runs.reduce((sum, run) => sum + run.events, 0)).toBe(counted);
      expect(await t.database.read.$count(events)).toBe(counted);
      expect(runs.reduce((sum, run) => sum + run.refusedUploads, 0)).toBe(refusedUploads);
      // A session has one run, however often the server starts.
      const sessions = runs.filter(({ sessionId }) => sessionId !== null);
      const names = sessions.map((run) => `${run.teamId} ${run.origin.kind} ${run.sessionId}`);
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 60 },
  );
}, 120_000);
