import { Database as Sqlite } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { migrate } from "../../src/database/migrate.ts";
import { readMigrations } from "../../src/database/migrations.macro.ts";
import {
  originKinds,
  usageDays,
  usageHours,
  usageMonths,
  usageTeamDays,
  usageTeamHours,
} from "../../src/database/schema.ts";
import { addCounters, type Counters, counterNames, noCounters, totalsOf } from "../../src/usage/counters.ts";
import { refusedByHour } from "../../src/usage/refused-by-hour.ts";
import type { HourUse } from "../../src/usage/sources.ts";
import { spanBefore, startOfStep, stepMs, usageSpan } from "../../src/usage/usage-span.ts";
import { addUses, askerOf, hourUse, openTestUsage } from "./test-usage.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T10:20:30Z");
const rollups = [usageHours, usageDays, usageMonths, usageTeamHours, usageTeamDays];
const slugs = ["app", "default", "web"];
const tools = ["nx", "turbo"];

/** As long ago as the hours are kept, or as a list may go back. Many are at the edges of steps. */
const moment = fc
  .tuple(
    fc.oneof(fc.nat(9 * day), fc.nat(800 * day)),
    fc.constantFrom("hour", "day", "month", undefined),
    fc.nat(1),
  )
  .map(([ageMs, edge, before]) => (edge ? startOfStep(now - ageMs, edge) - before : now - ageMs));
const counters = fc.record(
  Object.fromEntries(counterNames.map((name) => [name, fc.nat(3)])) as Record<
    keyof Counters,
    fc.Arbitrary<number>
  >,
);
const counted = fc.record({
  team: fc.constantFrom(...slugs),
  tool: fc.constantFrom(...tools),
  origin: fc.record({ kind: fc.constantFrom(...originKinds), number: fc.nat(2) }),
  at: moment,
  counters,
});
type Counted = typeof counted extends fc.Arbitrary<infer One> ? One : never;
const question = fc.record({
  since: moment,
  lengthMs: fc.oneof(fc.integer({ min: 1, max: 7 * day }), fc.integer({ min: 1, max: 800 * day })),
  teams: fc.option(fc.subarray(slugs), { nil: undefined }),
  tool: fc.option(fc.constantFrom(...tools), { nil: undefined }),
  atMost: fc.integer({ min: 1, max: 15 }),
});

function totalsOfAll(list: readonly Counted[]) {
  const sum = noCounters();
  for (const one of list) addCounters(sum, one.counters);
  return totalsOf(sum);
}

function groupedBy<Key>(list: readonly Counted[], keyOf: (one: Counted) => Key): [Key, Counted[]][] {
  return [...Map.groupBy(list, keyOf)];
}

const idOf = ({ kind, number }: Counted["origin"]) => `${kind}_${number}`;

test("whatever was counted, whenever and of whom, each answer is what a list of it all sums up to", async () => {
  await using t = await openTestUsage();
  const teamIds = new Map([["default", t.team.id]]);
  for (const slug of ["app", "web"]) teamIds.set(slug, (await t.teams.create({ slug })).id);
  const teamIdOf = (slug: string) => teamIds.get(slug) as string;
  const useOf = ({ team, tool, origin, at, counters }: Counted): HourUse => {
    const { kind } = origin;
    return hourUse(askerOf(teamIdOf(team), { tool, origin: { kind, id: idOf(origin) } }), at, counters);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(counted, { maxLength: 60 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(question, { minLength: 1, maxLength: 6 }),
      async (list, perFlush, questions) => {
        await t.database.write(async (tx) => {
          for (const table of rollups) await tx.delete(table);
        });
        for (let start = 0; start < list.length; start += perFlush)
          await addUses(t.database, list.slice(start, start + perFlush).map(useOf));

        for (const { since, lengthMs, teams, tool, atMost } of questions) {
          const span = usageSpan(since, since + lengthMs, now);
          const filter = { span, ...(teams && { teamIds: teams.map(teamIdOf) }), ...(tool && { tool }) };
          const isAskedFor = (one: Counted) =>
            (teams?.includes(one.team) ?? true) && (tool === undefined || one.tool === tool);
          const during = ({ since, until }: typeof span) =>
            list.filter((one) => isAskedFor(one) && since <= one.at && one.at < until);
          const asked = during(span);

          expect(await t.history.totals(filter)).toEqual(totalsOfAll(asked));
          const before = spanBefore(span);
          expect(await t.history.totals({ ...filter, span: before })).toEqual(totalsOfAll(during(before)));

          const steps = new Map(groupedBy(asked, ({ at }) => startOfStep(at, span.step)));
          const series = Array.from({ length: (span.until - span.since) / stepMs[span.step] }, (_, index) => {
            const startAt = span.since + index * stepMs[span.step];
            return { startAt, ...totalsOfAll(steps.get(startAt) ?? []) };
          });
          expect(await t.history.series(filter)).toEqual(series);

          const byTeam = groupedBy(asked, ({ team }) => team)
            .map(([team, some]) => ({ team, teamId: teamIdOf(team), ...totalsOfAll(some) }))
            .sort((a, b) => (a.team < b.team ? -1 : 1));
          expect(await t.history.byTeam(filter)).toEqual(byTeam);

          const asks = (all: Counters) => all.remoteHits + all.remoteMisses + all.localHits + all.localMisses;
          const byOrigin = groupedBy(asked, ({ origin }) => idOf(origin))
            .map(([id, some]) => {
              const { kind } = (some[0] as Counted).origin;
              return { kind, id, name: kind === "anonymous" ? kind : id, ...totalsOfAll(some) };
            })
            .sort((a, b) => b.uploadedBytes - a.uploadedBytes || asks(b) - asks(a) || (a.id < b.id ? -1 : 1));
          expect(await t.history.byOrigin(filter, atMost)).toEqual(byOrigin.slice(0, atMost));

          const isHit = list.some(
            (one) => (teams?.includes(one.team) ?? true) && one.counters.remoteHits > 0,
          );
          expect(await t.history.hasRemoteHit(filter.teamIds)).toBe(isHit);

          const refused = groupedBy(
            list.filter(({ at, counters }) => at >= span.since && counters.refusedUploads > 0),
            ({ team, at }) => `${teamIdOf(team)} ${startOfStep(at, "hour")}`,
          ).map(([key, some]) => `${key} ${totalsOfAll(some).refusedUploads}`);
          const told = await refusedByHour(t.database, span.since);
          expect(
            told.map(({ teamId, startAt, uploads }) => `${teamId} ${startAt} ${uploads}`).sort(),
          ).toEqual(refused.sort());
        }
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test("what was counted before there were sums by month and of teams is in them, too", async () => {
  await using t = await openTestUsage();
  const web = await t.teams.create({ slug: "web" });
  const uses = [
    "2024-02-01T00:00Z",
    "2024-02-29T23:59Z",
    "2024-03-01T00:00Z",
    "2026-10-31T12:00Z",
    "2026-11-20T12:00Z",
  ]
    .flatMap((at) =>
      ["tok_1", "tok_2"]
        .flatMap((tokenId) =>
          [t.team.id, web.id].flatMap((teamId) => tools.map((tool) => askerOf(teamId, { tokenId, tool }))),
        )
        .map((asker) => ({ asker, at: Date.parse(at) })),
    )
    .map(({ asker, at }, index) =>
      hourUse(asker, at, Object.fromEntries(counterNames.map((name, place) => [name, index * 100 + place]))),
    );
  await addUses(t.database, uses);
  const written = rowsOfAll(t.path);

  using sqlite = new Sqlite(t.path);
  const added = ["usage_months", "usage_team_hours", "usage_team_days"];
  const migrations = readMigrations();
  const version = 1 + migrations.findIndex(({ name }) => name === "0009_usage_sums");
  for (const table of added) sqlite.run(`DROP TABLE ${table}`);
  sqlite.run("DELETE FROM schema_migrations WHERE version >= ?", [version]);
  migrate(sqlite, migrations.slice(0, version), "test");
  expect(rowsOfAll(t.path)).toEqual(written);
});

function rowsOfAll(path: string): Record<string, unknown[]> {
  using sqlite = new Sqlite(path, { readonly: true });
  const tables = ["usage_hours", "usage_days", "usage_months", "usage_team_hours", "usage_team_days"];
  return Object.fromEntries(
    tables.map((table) => [
      table,
      sqlite.query(`SELECT * FROM ${table} ORDER BY start_at, team_id, tool, remote_hits`).all(),
    ]),
  );
}
