import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { Cache } from "../../src/cache/cache.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import type { Database } from "../../src/database/database.ts";
import { type Team, Teams } from "../../src/identity/teams.ts";
import { type Permission, Tokens } from "../../src/identity/tokens.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";

setDefaultTimeout(180_000);

/*
 * Random people do random things through the server's own routes, while an operator changes teams and tokens beside it; a
 * model of some lines says what each of them may see. Whatever differs is a hole.
 */

let larder: RunningLarder;
let database: Database;
let cache: Cache;

beforeAll(async () => {
  larder = await startLarder();
  database = openDataFolder(larder.dataFolder);
  cache = await Cache.beside({
    database,
    storage: DiskStorage.beside(larder.dataFolder),
    maxArtifactSizeBytes: 1024,
    maxSizeBytes: undefined,
    minFreeBytes: 0,
    maxAgeMs: undefined,
    scopeMaxAgeMs: undefined,
    log: pino({ level: "silent" }),
  });
});
afterAll(async () => {
  await database.close();
  await larder[Symbol.asyncDispose]();
});

const kinds: { permission: Permission; scope: string }[] = [
  { permission: "write", scope: "" },
  { permission: "read", scope: "" },
  { permission: "admin", scope: "" },
  { permission: "write", scope: "pr-1" },
  { permission: "read", scope: "pr-1" },
  { permission: "write", scope: "pr-2" },
];

interface Holder {
  /** Index of the team; undefined for nobody in particular. */
  team: number | undefined;
  permission: Permission;
  scope: string;
  secret: string | undefined;
  tokenId: string;
  isRevoked: boolean;
}

interface Rules {
  overwrite: "allow" | "never";
  requireTag: boolean;
  anonymousRead: boolean;
}

interface Stored {
  body: string;
  tag: string | null;
  writtenBy: string;
}

/** What is stored, by team, scope and hash. */
class Model {
  readonly stored = new Map<string, Stored>();
  readonly rules: Rules[] = [0, 1].map(() => ({
    overwrite: "allow",
    requireTag: false,
    anonymousRead: false,
  }));

  /** Which team a request is about, or the status that it is refused with. */
  teamOf(by: Holder, named: number | undefined): { team: number } | { status: number } {
    if (by.isRevoked) return { status: 401 };
    if (by.team === undefined) {
      return named !== undefined && this.rules[named]?.anonymousRead ? { team: named } : { status: 401 };
    }
    return named === undefined || named === by.team ? { team: by.team } : { status: 403 };
  }

  find(team: number, scope: string, hash: string): Stored | undefined {
    return this.stored.get(keyOf(team, scope, hash)) ?? this.stored.get(keyOf(team, "", hash));
  }

  put(by: Holder, team: number, hash: string, artifact: Stored): number {
    const { overwrite, requireTag } = this.rules[team] as Rules;
    if (by.permission === "read") return 403;
    if (requireTag && artifact.tag === null) return 403;
    const before = this.stored.get(keyOf(team, by.scope, hash));
    if (before && overwrite === "never") {
      if (before.body !== artifact.body) return 409;
      if (artifact.tag === null || artifact.tag === before.tag) return 202;
      if (before.tag !== null) return 409;
    }
    this.stored.set(keyOf(team, by.scope, hash), artifact);
    return 202;
  }

  remove(goes: (team: string, scope: string, hash: string, stored: Stored) => boolean): number {
    const gone = [...this.stored].filter(([key, stored]) => {
      const [team, scope, hash] = key.split(" ") as [string, string, string];
      return goes(team, scope, hash, stored);
    });
    for (const [key] of gone) this.stored.delete(key);
    return gone.length;
  }
}

function keyOf(team: number, scope: string, hash: string): string {
  return `${team} ${scope} ${hash}`;
}

const hashes = ["a", "b", "c"];
const who = fc.nat({ max: kinds.length * 2 + 1 });
const named = fc.constantFrom(undefined, 0, 1);
const team = fc.nat({ max: 1 });
const hash = fc.constantFrom(...hashes);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      who,
      named,
      hash,
      body: fc.constantFrom("x", "yy", "zzz", ""),
      tag: fc.constantFrom(null, "tag", "other tag"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("get" as const, "head" as const), who, named, hash }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("query" as const), who, named }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), who, named }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      team,
      scope: fc.constantFrom(undefined, "", "pr-1"),
      hash: fc.option(hash, { nil: undefined }),
      writer: fc.option(who, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("revoke" as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      team,
      rules: fc.record({
        overwrite: fc.constantFrom("allow" as const, "never" as const),
        requireTag: fc.boolean(),
        anonymousRead: fc.boolean(),
      }),
    }),
  },
);

let round = 0;

async function newTeams(): Promise<{ teams: Team[]; holders: Holder[] }> {
  const [teams, tokens] = [new Teams(database, serverActor), new Tokens(database, serverActor)];
  const made: Team[] = [];
  const holders: Holder[] = [];
  for (const team of [0, 1]) {
    const created = await teams.create({ slug: `r${round}-${team}` });
    made.push(created);
    for (const kind of kinds) {
      const { id, secret } = await tokens.create({ teamId: created.id, name: "x", ...kind });
      holders.push({ team, ...kind, secret, tokenId: id, isRevoked: false });
    }
  }
  for (const secret of [undefined, "anonymous"]) {
    holders.push({ team: undefined, permission: "read", scope: "", secret, tokenId: "", isRevoked: false });
  }
  return { teams: made, holders };
}

test("nobody ever reads or replaces what the rules of teams and scopes forbid", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80 }), async (steps) => {
      round++;
      const { teams, holders } = await newTeams();
      const model = new Model();

      for (const step of steps) {
        if (step.kind === "set") {
          await new Teams(database, serverActor).set((teams[step.team] as Team).id, step.rules);
          model.rules[step.team] = step.rules;
          continue;
        }
        if (step.kind === "purge") {
          const { scope, hash, writer } = step;
          const writtenBy = writer === undefined ? undefined : holders[writer]?.tokenId;
          const count = await cache.purge(
            {
              teamId: (teams[step.team] as Team).id,
              ...(scope !== undefined && { scope }),
              ...(hash !== undefined && { hash }),
              ...(writtenBy !== undefined && { writtenBy: [writtenBy] }),
            },
            serverActor,
          );
          const expected = model.remove(
            (ofTeam, ofScope, ofHash, stored) =>
              ofTeam === String(step.team) &&
              (scope === undefined || ofScope === scope) &&
              (hash === undefined || ofHash === hash) &&
              (writtenBy === undefined || stored.writtenBy === writtenBy),
          );
          expect(count).toBe(expected);
          continue;
        }
        const by = holders[step.who] as Holder;
        if (step.kind === "revoke") {
          if (by.team === undefined) continue;
          await new Tokens(database, serverActor).revoke(by.tokenId);
          by.isRevoked = true;
          continue;
        }
        const query = step.named === undefined ? "" : `?slug=${(teams[step.named] as Team).slug}`;
        const client = new TurboClient(larder.url, "", "/v8", query).authorizedBy(
          by.secret && `Bearer ${by.secret}`,
        );
        const asked = model.teamOf(by, step.named);
        const refused = "status" in asked ? asked.status : undefined;
        const about = "team" in asked ? asked.team : -1;
        if (step.kind === "put") {
          const { body, tag, hash } = step;
          const answer = await client.put(hash, body, tag === null ? {} : { "x-artifact-tag": tag });
          await answer.text();
          const expected = refused ?? model.put(by, about, hash, { body, tag, writtenBy: by.tokenId });
          expect([step, answer.status]).toEqual([step, expected]);
        } else if (step.kind === "query") {
          const answer = await client.query(hashes);
          expect(answer.status).toBe(refused ?? 200);
          const found = (await answer.json()) as Record<string, unknown>;
          if (refused !== undefined) continue;
          expect(found).toEqual(
            Object.fromEntries(
              hashes.map((hash) => {
                const stored = model.find(about, by.scope, hash);
                if (!stored) return [hash, null];
                const { body, tag } = stored;
                return [hash, { size: body.length, taskDurationMs: 0, ...(tag !== null && { tag }) }];
              }),
            ),
          );
        } else if (step.kind === "delete") {
          const answer = await client.send("DELETE", "");
          const status = refused ?? (by.permission === "admin" ? 200 : 403);
          expect(answer.status).toBe(status);
          const said = (await answer.json()) as { deletedCount?: number };
          if (status !== 200) continue;
          expect(said.deletedCount).toBe(model.remove((team) => team === String(about)));
        } else {
          const answer = await client[step.kind](step.hash);
          const body = await answer.text();
          const stored = refused === undefined ? model.find(about, by.scope, step.hash) : undefined;
          expect([step, answer.status]).toEqual([step, refused ?? (stored ? 200 : 404)]);
          if (!stored) continue;
          if (step.kind === "get") expect(body).toBe(stored.body);
          expect(answer.headers.get("x-artifact-tag")).toBe(stored.tag);
          expect(answer.headers.get("content-length")).toBe(String(stored.body.length));
        }
      }
    }),
    { numRuns: 25 },
  );
});
