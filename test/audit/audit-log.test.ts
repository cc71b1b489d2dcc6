import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Actor,
  type AuditFilter,
  AuditLog,
  type AuditRow,
  recordAudit,
  serverActor,
  updateAudit,
} from "../../src/audit/audit-log.ts";
import { expireAudit } from "../../src/audit/expire-audit.ts";
import { audit } from "../../src/database/schema.ts";
import { ann, openTestAudit } from "./test-audit.ts";

const hour = 3_600_000;

test("a row tells who, from where, what, to what, and what else", async () => {
  await using t = openTestAudit();
  const before = Date.now();
  const id = await t.database.write(async (tx) => {
    await recordAudit(tx, serverActor, { kind: "team.create" });
    return await recordAudit(tx, ann, {
      kind: "token.revoke",
      teamId: "team_1",
      target: "tok_1",
      details: { name: "ci" },
    });
  });
  const { items, nextCursor } = await new AuditLog(t.database).list({ teamId: "team_1" });
  expect(items).toEqual([
    {
      id,
      createdAt: expect.any(Number),
      kind: "token.revoke",
      actorKind: "user",
      actorId: "usr_ann",
      actorName: "ann@example.org",
      address: "192.0.2.7",
      teamId: "team_1",
      target: "tok_1",
      details: { name: "ci" },
    },
  ]);
  expect(items[0]?.createdAt).toBeGreaterThanOrEqual(before);
  expect(nextCursor).toBeNull();
  await t.database.write((tx) => updateAudit(tx, id, { name: "other" }));
  expect((await t.rows()).map(({ details }) => details)).toEqual([null, { name: "other" }]);
});

test("a row is brought up to date by its own id, whatever was written after it", async () => {
  await using t = openTestAudit();
  await t.database.write(async (tx) => {
    const first = await recordAudit(tx, ann, { kind: "artifact.purge", details: { artifacts: 1 } });
    await recordAudit(tx, serverActor, { kind: "team.create" });
    await updateAudit(tx, first, { artifacts: 7 });
  });
  expect((await t.rows()).map(({ kind, details }) => [kind, details])).toEqual([
    ["artifact.purge", { artifacts: 7 }],
    ["team.create", null],
  ]);
});

test("a row is there if its transaction was, and not if it failed", async () => {
  await using t = openTestAudit();
  const failed = t.database.write(async (tx) => {
    await recordAudit(tx, ann, { kind: "team.set" });
    throw new Error("no");
  });
  const kept = t.database.write((tx) => recordAudit(tx, ann, { kind: "team.create" }));
  expect(await failed.catch((error) => error.message)).toBe("no");
  await kept;
  expect((await t.rows()).map(({ kind }) => kind)).toEqual(["team.create"]);
});

test("whatever is to be written down, a row stays small and readable", async () => {
  await using t = openTestAudit();
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 3_000 }), fc.string());
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.dictionary(text, fc.oneof(fc.jsonValue(), fc.array(text), text)),
      async (name, details) => {
        await t.database.write((tx) =>
          recordAudit(tx, { ...ann, name, address: name }, { kind: "policy.create", target: name, details }),
        );
        const row = (await new AuditLog(t.database).list({}, { limit: 1 })).items[0] as AuditRow;
        expect(row.actorName.length).toBeLessThanOrEqual(256);
        expect(row.target?.length).toBeLessThanOrEqual(256);
        expect(row.address?.length).toBeLessThanOrEqual(64);
        const stored = JSON.stringify(row.details);
        expect(stored.length).toBeLessThanOrEqual(4_000);
        // What fits is there as it was.
        if (JSON.stringify(details).length < 200 && !("truncated" in (row.details as object)))
          expect(stored).toBe(JSON.stringify(JSON.parse(JSON.stringify(details))));
      },
    ),
    { numRuns: 200 },
  );
});

test("too many details are cut after the first ones, and the row says so", async () => {
  await using t = openTestAudit();
  const details = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, "value"]));
  await t.database.write((tx) =>
    recordAudit(tx, ann, { kind: "policy.create", details: { first: 1, ...details } }),
  );
  expect((await t.rows())[0]?.details).toMatchObject({ first: 1, key0: "value", truncated: true });
});

const actorOf = (kind: Actor["kind"], id: string | null, name: string): Actor => ({ ...ann, kind, id, name });
const actors = [
  ann,
  actorOf("token", "tok_1", "ci"),
  actorOf("token", null, "TURBO_TOKEN"),
  actorOf("command", null, "root"),
  actorOf("token", "tok_2", ann.name),
];
const kinds = ["token.create", "token.revoke", "tokens_x", "team.set", "artifact.write"] as const;

test("filters, alone and together, find the rows that they name, newest first, on however many pages", async () => {
  await using t = openTestAudit();
  const now = 1_800_000_000_000;
  const all = Array.from({ length: 300 }, (_, index) => ({
    // Several at the same time, and some at an earlier one, as after a clock was set back.
    createdAt: now - Math.floor(((index * 7) % 300) / 3) * hour,
    kind: kinds[index % kinds.length] as string,
    actor: actors[index % actors.length] as Actor,
    teamId: index % 3 === 0 ? null : `team_${index % 3}`,
    target: `t${index % 11}`,
  }));
  await t.database.write(async (tx) => {
    await tx.insert(audit).values(
      all.map(({ actor, ...row }) => ({
        ...row,
        actorKind: actor.kind,
        actorId: actor.id,
        actorName: actor.name,
      })),
    );
  });
  const rows = await t.rows();
  const log = new AuditLog(t.database);
  const anyText = fc.string({ unit: "binary", maxLength: 40 });
  const filterArbitrary = fc.record(
    {
      since: fc.integer({ min: now - 110 * hour, max: now + hour }),
      until: fc.integer({ min: now - 110 * hour, max: now + hour }),
      actors: fc.array(
        fc.oneof(
          fc.constantFrom("ann@example.org", "usr_ann", "tok_1", "tok_2", "ci", "command", "TURBO_TOKEN"),
          anyText,
        ),
        { maxLength: 3 },
      ),
      kind: fc.oneof(fc.constantFrom(...kinds, "token", "token.", "team", "%", "_oken", "tok", ""), anyText),
      notKind: fc.oneof(fc.constantFrom(...kinds, "token", "artifact", "artifact.", "%", "tok"), anyText),
      teamId: fc.oneof(fc.constantFrom("team_1", "team_2"), anyText),
      target: fc.oneof(fc.constantFrom("t1", "t2"), anyText),
    },
    { requiredKeys: [] },
  );
  // A token that is called like somebody is not that person.
  const namesOf = ({ actorId, actorName, actorKind }: AuditRow) =>
    actorKind === "token" && actorName.includes("@") ? [actorId, actorKind] : [actorId, actorName, actorKind];
  const isOfKind = (row: AuditRow, kind: string) =>
    row.kind === kind.replace(/\.$/, "") || row.kind.startsWith(`${kind.replace(/\.$/, "")}.`);
  const isMeant = (row: AuditRow, filter: AuditFilter) => {
    const { since, until, actors: who, kind, notKind, teamId, target } = filter;
    return (
      (since === undefined || row.createdAt >= since) &&
      (until === undefined || row.createdAt < until) &&
      (who === undefined || who.some((one) => namesOf(row).includes(one))) &&
      (kind === undefined || isOfKind(row, kind)) &&
      (notKind === undefined || !isOfKind(row, notKind)) &&
      (teamId === undefined || row.teamId === teamId) &&
      (target === undefined || row.target === target)
    );
  };

  await fc.assert(
    fc.asyncProperty(filterArbitrary, fc.integer({ min: 1, max: 60 }), async (filter, limit) => {
      const found: AuditRow[] = [];
      for (let cursor: string | undefined; ; ) {
        const { items, nextCursor } = await log.list(filter, { limit, cursor });
        expect(items.length).toBeLessThanOrEqual(limit);
        found.push(...items);
        if (nextCursor === null) break;
        cursor = nextCursor;
      }
      const meant = rows
        .filter((row) => isMeant(row, filter))
        .sort((a, b) => b.createdAt - a.createdAt || b.id - a.id);
      expect(found.map(({ id }) => id)).toEqual(meant.map(({ id }) => id));
    }),
    {
      numRuns: 150,
      examples: [
        [{ kind: "%" }, 60],
        [{ kind: "_oken" }, 60],
        [{ kind: "token." }, 1],
        [{ actors: [ann.name] }, 60],
        [{ notKind: "artifact.write" }, 7],
        [{ notKind: "artifact" }, 7],
        [{ kind: "artifact", notKind: "artifact.write" }, 7],
      ],
    },
  );
});

test("a cursor that is none of the list is refused", async () => {
  await using t = openTestAudit();
  const log = new AuditLog(t.database);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), async (cursor) => {
      const refusal = await log.list({}, { limit: 10, cursor }).catch((error) => error);
      expect(refusal).toMatchObject({ code: "bad_request" });
    }),
  );
});

test("uploads go at their age, all else at its own, and what is younger stays", async () => {
  await using t = openTestAudit();
  const writeAll = () =>
    t.database.write(async (tx) => {
      for (let count = 0; count < 2_500; count++) await recordAudit(tx, ann, { kind: "artifact.write" });
      for (let count = 0; count < 2_500; count++) await recordAudit(tx, ann, { kind: "token.create" });
    });
  const counts = async () => {
    const rows = await t.rows();
    return ["artifact.write", "token.create"].map((kind) => rows.filter((row) => row.kind === kind).length);
  };
  await writeAll();
  await t.age(10 * hour);
  await writeAll();
  await expireAudit(t.database, { uploadMaxAgeMs: 20 * hour, maxAgeMs: 20 * hour });
  expect(await counts()).toEqual([5_000, 5_000]);
  await expireAudit(t.database, { uploadMaxAgeMs: 5 * hour, maxAgeMs: undefined });
  expect(await counts()).toEqual([2_500, 5_000]);
  await expireAudit(
    t.database,
    { uploadMaxAgeMs: undefined, maxAgeMs: 5 * hour },
    { signal: AbortSignal.abort() },
  );
  expect(await counts()).toEqual([2_500, 5_000]);
  await expireAudit(t.database, { uploadMaxAgeMs: undefined, maxAgeMs: 5 * hour });
  expect(await counts()).toEqual([2_500, 2_500]);
  await t.age(10 * hour);
  await expireAudit(t.database, { uploadMaxAgeMs: undefined, maxAgeMs: 5 * hour });
  expect(await counts()).toEqual([2_500, 0]);
});

test("what is seldom is found behind very many others, once, and others have their turn meanwhile", async () => {
  await using t = openTestAudit();
  const row = (createdAt: number, target: string) => ({
    createdAt,
    kind: "artifact.write",
    actorKind: "token",
    actorName: "ci",
    target,
  });
  await t.database.write(async (tx) => {
    await tx.insert(audit).values(row(1, "seldom"));
    for (let step = 0; step < 30; step++) {
      // Many have the same time.
      const rows = Array.from({ length: 1_000 }, (_, index) => row(2 + step * 10 + (index % 10), "often"));
      await tx.insert(audit).values(rows);
      if (step % 10 === 5) await tx.insert(audit).values(row(2 + step * 10, "seldom"));
    }
  });
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const log = new AuditLog(t.database);
  const all = (await log.list({ target: "seldom" }, { limit: 10 })).items;
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
  expect(all.map(({ createdAt }) => createdAt)).toEqual([252, 152, 52, 1]);
  const first = await log.list({ target: "seldom" }, { limit: 3 });
  expect(first.items).toEqual(all.slice(0, 3));
  const second = await log.list({ target: "seldom" }, { limit: 3, cursor: first.nextCursor as string });
  expect(second).toEqual({ items: all.slice(3), nextCursor: null });
  expect((await log.list({ target: "seldom", since: 100 })).items).toEqual(all.slice(0, 2));
  expect((await log.list({ target: "nothing" })).items).toEqual([]);
});

test("actors are found by their ids beside those that are found by what they are called", async () => {
  await using t = openTestAudit();
  const job = { ...ann, kind: "token" as const, id: "tok_1", name: "job" };
  await t.database.write(async (tx) => {
    for (const by of [job, { ...job, id: "tok_2" }, ann]) await recordAudit(tx, by, { kind: "team.set" });
  });
  const log = new AuditLog(t.database);
  const idsOf = async (filter: AuditFilter) => (await log.list(filter)).items.map(({ actorId }) => actorId);
  expect(await idsOf({ actorIds: ["tok_1", "job"] })).toEqual(["tok_1"]);
  expect(await idsOf({ actorIds: ["tok_1"], actors: ["user"] })).toEqual(["usr_ann", "tok_1"]);
  expect(await idsOf({ actorIds: [], actors: ["job"] })).toEqual(["tok_2", "tok_1"]);
  expect(await idsOf({ actorIds: [] })).toEqual([]);
});
