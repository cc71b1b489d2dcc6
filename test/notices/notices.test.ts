import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import fc from "fast-check";
import { serverActor } from "../../src/audit/audit-log.ts";
import { Cache } from "../../src/cache/cache.ts";
import type { CacheFigures } from "../../src/cache/figures.ts";
import { runProgram } from "../../src/commands/program.ts";
import { settingKeys } from "../../src/config/settings.ts";
import { teams, tokens } from "../../src/database/schema.ts";
import { Teams, teamStates } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import type { Notice } from "../../src/notices/notice.ts";
import type { NoticeFacts, ServerFacts } from "../../src/notices/notice-facts.ts";
import { Notices, noticesOf } from "../../src/notices/notices.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { noFigures } from "../cache/no-figures.ts";
import { openTestCache, type TestCache } from "../cache/test-cache.ts";
import { addUses, askerOf, hourUse, silent } from "../usage/test-usage.ts";

const GiB = 1024 ** 3;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = Date.UTC(2026, 10, 20);

const soundCache: CacheFigures = {
  ...noFigures,
  storedBytes: 10 * GiB,
  maxSizeBytes: 80 * GiB,
  minFreeBytes: GiB,
  freeBytes: 100 * GiB,
  verify: { blobs: 0, sizeBytes: 0, startedAt: now - hourMs, completedAt: now - hourMs },
};

const soundServer: ServerFacts = {
  startedAt: now - 30 * dayMs,
  settings: { publicUrl: "https://cache.example.org", proxyHops: 1, verifyRate: 10 * 1024 ** 2 },
  droppedUsage: 0,
};

/** Of a server with which all is well. */
const soundFacts: NoticeFacts = {
  now,
  server: soundServer,
  cache: soundCache,
  refusedUploads: [],
  hasAdministrator: true,
  teams: [],
  tokens: [],
};

function facts({
  cache,
  settings,
  startedAt = soundServer.startedAt,
  droppedUsage = soundServer.droppedUsage,
  ...others
}: Partial<Omit<NoticeFacts, "cache" | "server">> & {
  cache?: Partial<CacheFigures>;
  settings?: Partial<ServerFacts["settings"]>;
  startedAt?: number;
  droppedUsage?: number;
} = {}): NoticeFacts {
  return {
    ...soundFacts,
    ...others,
    server: { startedAt, droppedUsage, settings: { ...soundServer.settings, ...settings } },
    cache: { ...soundCache, ...cache },
  };
}

const web = {
  id: "team_web",
  slug: "web",
  state: "enabled",
  usedBytes: GiB,
  quotaBytes: null,
  quotaRule: "evict",
  lastUsedAt: now - hourMs,
} as const;
const app = { id: "team_app", slug: "app" };
const token = { name: "ci", teamId: web.id, teamSlug: web.slug, lastUsedAt: now - hourMs };
const young = (ageMs: number) => ({
  trusted: { lastRoundMs: ageMs, dayMs: ageMs },
  untrusted: { lastRoundMs: undefined, dayMs: undefined },
});

test("where all is well there is nothing to say", () => {
  expect(noticesOf(facts())).toEqual([]);
});

const cases: [string, NoticeFacts, string, RegExp][] = [
  ["a full disk", facts({ cache: { freeBytes: 0.5 * GiB } }), "disk_full", /512MiB are free.*1GiB/],
  [
    "a disk that is nearly full",
    facts({ cache: { freeBytes: 1.2 * GiB } }),
    "disk_nearly_full",
    /204\.8MiB more/,
  ],
  [
    "a disk that is nearly full, without a limit",
    facts({ cache: { freeBytes: 1.2 * GiB, maxSizeBytes: undefined } }),
    "disk_nearly_full",
    /minFree/,
  ],
  [
    "a disk smaller than the limit",
    facts({ cache: { freeBytes: 30 * GiB } }),
    "disk_too_small",
    /70GiB more.*29GiB/,
  ],
  ["a disk that is silent", facts({ cache: { freeBytes: undefined } }), "disk_unknown", /cannot find out/],
  [
    "young artifacts that went",
    facts({ cache: { youngestEvicted: young(5 * hourMs) } }),
    "cache_too_small",
    /went in the last 24 hours that had been used 5h before.*10GiB of 80GiB/,
  ],
  [
    "young artifacts that went, whenever the server began",
    facts({ startedAt: now - 3 * hourMs, cache: { youngestEvicted: young(hourMs) } }),
    "cache_too_small",
    /went in the last 24 hours that had been used/,
  ],
  ["damaged blobs", facts({ cache: { quarantinedBlobs: 3 } }), "blobs_damaged", /^3 blobs/],
  ["no verification", facts({ settings: { verifyRate: undefined } }), "verify_off", /verifyRate is none/],
  [
    "verification that never gets round",
    facts({ settings: { verifyRate: 1024 } }),
    "verify_slow",
    /10GiB at 1KiB a second takes 121d 8h/,
  ],
  [
    "verification that ends no round",
    facts({ cache: { verify: { ...soundCache.verify, completedAt: undefined } } }),
    "verify_overdue",
    /for 30d.*take 17m 4s/,
  ],
  [
    "uploads without room",
    facts({ refusedUploads: [{ team: web, code: "no_space", lastDay: 12 }] }),
    "refused_no_space",
    /^12 uploads of team web were refused in the last 24 hours:/,
  ],
  [
    "uploads without room since a start of today",
    facts({
      startedAt: now - 3 * hourMs,
      refusedUploads: [{ team: web, code: "no_space", lastDay: 12 }],
    }),
    "refused_no_space",
    /^12 uploads of team web were refused since the server's start:/,
  ],
  [
    "uploads of which the sums tell, of before a start of today",
    facts({
      startedAt: now - 3 * hourMs,
      refusedUploads: [{ team: web, code: undefined, lastDay: 12 }],
    }),
    "refused_uploads",
    /^12 uploads of team web were refused in the last 24 hours, before the server's start:/,
  ],
  [
    "an upload over the quota",
    facts({ refusedUploads: [{ team: web, code: "team_over_limit", lastDay: 1 }] }),
    "refused_over_quota",
    /^1 upload of team web was refused/,
  ],
  [
    "uploads that are too large",
    facts({ refusedUploads: [{ team: undefined, code: "too_large", lastDay: 2 }] }),
    "refused_too_large",
    /^2 uploads were refused/,
  ],
  [
    "uploads larger than their team's quota",
    facts({ refusedUploads: [{ team: web, code: "larger_than_quota", lastDay: 2 }] }),
    "refused_larger_than_quota",
    /^2 uploads of team web were refused.*the team's quota/,
  ],
  [
    "uploads without a signature",
    facts({ refusedUploads: [{ team: web, code: "signature_required", lastDay: 2 }] }),
    "refused_unsigned",
    /signed artifacts only/,
  ],
  ["no administrator", facts({ hasAdministrator: false }), "no_administrator", /Nobody/],
  [
    "plain HTTP",
    facts({ settings: { publicUrl: "http://cache.example.org:5273" } }),
    "plain_http",
    /http:\/\/cache\.example\.org:5273/,
  ],
  ["a proxy that is not counted", facts({ settings: { proxyHops: 0 } }), "proxy_hops", /proxyHops is 0/],
  ["figures that were dropped", facts({ droppedUsage: 1_234 }), "usage_dropped", /1,234 events/],
  ["a team that is paused", facts({ teams: [{ ...web, state: "paused" }] }), "team_not_enabled", /paused/],
  [
    "a team at its quota",
    facts({ teams: [{ ...web, quotaBytes: GiB }] }),
    "team_quota",
    /1GiB of 1GiB.*least recently used/,
  ],
  [
    "a team at a quota that refuses",
    facts({ teams: [{ ...web, quotaBytes: GiB, quotaRule: "refuse" }] }),
    "team_quota",
    /uploads are refused/,
  ],
  [
    "a team that nobody uses any more",
    facts({ teams: [{ ...web, lastUsedAt: now - 9 * dayMs }] }),
    "team_unused",
    /for 9d/,
  ],
  [
    "a token that ends soon",
    facts({ tokens: [{ ...token, expiresAt: now + 3 * dayMs }] }),
    "tokens_expiring",
    /^1 token in use, the first in 3d: "ci"/,
  ],
  [
    "tokens that have ended",
    facts({
      tokens: ["a", "b", "c", "d", "e", "f", "g"].map((name) => ({
        ...token,
        name,
        expiresAt: now - hourMs,
      })),
    }),
    "tokens_expired",
    /^7 tokens.*"a", "b", "c", "d", "e" and 2 more/,
  ],
];

test.each(cases)("%s is a notice", (_, given, code, message) => {
  const notices = noticesOf(given);
  expect(notices.map((notice) => notice.code)).toEqual([code]);
  expect(notices[0]?.message).toMatch(message);
});

test("where the disk is full, what is said to help frees enough", () => {
  const remedyOf = (storedBytes: number) =>
    noticesOf(facts({ cache: { freeBytes: 0.5 * GiB, storedBytes } }))[0]?.remedy;
  expect(remedyOf(10 * GiB)).toBe(
    "Free 512MiB on the disk, or lower `maxSize` to 9.5GiB: larder has stored 10GiB, and makes room by itself.",
  );
  expect(remedyOf(3.7 * 1024 ** 2)).toBe(
    "Free 512MiB of what others have on the disk (larder has stored 3.7MiB only), or give larder another disk (`data`).",
  );
});

test("what is of a team says so", () => {
  const ofTeams = cases.filter(([, given]) => given.teams.length > 0 || given.tokens.length > 0);
  expect(ofTeams.length).toBeGreaterThan(5);
  for (const [, given] of ofTeams) expect(noticesOf(given)[0]).toMatchObject({ team: "web", teamId: web.id });
});

test.each([
  [
    "a full cache that evicts what is old",
    facts({ cache: { storedBytes: 76 * GiB, youngestEvicted: young(3 * dayMs) } }),
  ],
  [
    "untrusted artifacts that went young",
    facts({ cache: { youngestEvicted: { ...young(5 * dayMs), untrusted: { lastRoundMs: 1, dayMs: 1 } } } }),
  ],
  [
    "little on the disk, and no more to come",
    facts({ cache: { freeBytes: 1.2 * GiB, storedBytes: 79.9 * GiB } }),
  ],
  ["plain HTTP on one's own machine", facts({ settings: { publicUrl: "http://localhost:5273" } })],
  ["no public URL", facts({ settings: { publicUrl: undefined, proxyHops: 0 } })],
  [
    "a round of verification under way for a while",
    facts({
      startedAt: now - 2 * dayMs,
      cache: { verify: { ...soundCache.verify, completedAt: undefined } },
    }),
  ],
  [
    "uploads that were refused the day before",
    facts({ refusedUploads: [{ team: web, code: "no_space", lastDay: 0 }] }),
  ],
  [
    "uploads that only the client can mend",
    facts({ refusedUploads: [{ team: web, code: "unauthorized", lastDay: 9 }] }),
  ],
])("%s is none", (_, given) => {
  expect(noticesOf(given)).toEqual([]);
});

/** Everything that can be wrong with a server, with any figures. */
const anyFacts: fc.Arbitrary<NoticeFacts> = fc
  .record({
    cache: fc.record({
      storedBytes: fc.nat({ max: 2 ** 50 }),
      maxSizeBytes: fc.option(fc.integer({ min: 1, max: 2 ** 50 }), { nil: undefined }),
      minFreeBytes: fc.nat({ max: 2 ** 40 }),
      freeBytes: fc.option(fc.nat({ max: 2 ** 50 }), { nil: undefined }),
      quarantinedBlobs: fc.nat(),
      youngestEvicted: fc.nat({ max: 10 * dayMs }).map(young),
      verify: fc.record({
        blobs: fc.nat(),
        sizeBytes: fc.nat(),
        startedAt: fc.constant(now),
        completedAt: fc.option(fc.integer({ min: now - 100 * dayMs, max: now + dayMs }), { nil: undefined }),
      }),
    }),
    settings: fc.record({
      publicUrl: fc.constantFrom(undefined, "http://a.example", "https://a.example", "http://localhost"),
      proxyHops: fc.nat({ max: 2 }),
      verifyRate: fc.option(fc.integer({ min: 1, max: 2 ** 40 }), { nil: undefined }),
    }),
    droppedUsage: fc.nat(),
    hasAdministrator: fc.boolean(),
    refusedUploads: fc.array(
      fc.record({
        team: fc.constantFrom(undefined, web, app),
        code: fc.constantFrom(
          ...[
            "no_space",
            "team_over_limit",
            "too_large",
            "larger_than_quota",
            "signature_required",
            "conflict",
            undefined,
          ],
        ),
        lastDay: fc.nat({ max: 10 }),
      }),
    ),
    teams: fc.array(
      fc.record({
        id: fc.constantFrom(web.id, app.id),
        slug: fc.constantFrom(web.slug, app.slug),
        state: fc.constantFrom(...teamStates),
        usedBytes: fc.nat(),
        quotaBytes: fc.option(fc.nat()),
        quotaRule: fc.constantFrom("evict", "refuse"),
        lastUsedAt: fc.option(fc.integer({ min: now - 100 * dayMs, max: now + dayMs })),
      }),
    ),
    tokens: fc.array(
      fc.record({
        name: fc.string(),
        teamId: fc.constantFrom(web.id, app.id),
        teamSlug: fc.constantFrom(web.slug, app.slug),
        expiresAt: fc.integer({ min: now - 7 * dayMs, max: now + 7 * dayMs }),
        lastUsedAt: fc.constant(now),
      }),
    ),
  })
  .map((any) => facts(any as never));

test("every notice is whole, and what matters most comes first", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const notices = noticesOf(given);
      const order = ["critical", "warning", "info"];
      const severities = notices.map(({ severity }) => order.indexOf(severity));
      expect(severities).toEqual([...severities].sort());
      for (const { code, title, message, remedy } of notices) {
        expect(code).toMatch(/^[a-z_]+$/);
        const own = given.tokens.reduce((text, { name }) => text.replaceAll(`"${name}"`, ""), message);
        for (const text of [title, own, remedy]) {
          expect(text.length).toBeGreaterThan(10);
          expect(text).not.toMatch(/undefined|null|NaN|Infinity|\[object/);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("every remedy names a command that there is, with flags that it has, or a setting", async () => {
  const remedies = new Set(
    [...cases.map(([, given]) => given), ...fc.sample(anyFacts, 500)]
      .flatMap(noticesOf)
      .map(({ remedy }) => remedy),
  );
  expect(remedies.size).toBeGreaterThan(20);
  for (const remedy of remedies) {
    const named = [...remedy.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string);
    expect([remedy, named.length > 0]).toEqual([remedy, true]);
    for (const text of named) {
      if (text.startsWith("larder ")) await expectCommand(text);
      else expect(settingKeys as string[]).toContain(text);
    }
  }
});

const helps = new Map<string, string>();

async function expectCommand(line: string): Promise<void> {
  const words = line.split(" ").slice(1);
  const end = words.findIndex((word) => !/^[a-z-]+$/.test(word) || word.startsWith("--"));
  const command = words.slice(0, end === -1 ? undefined : end).slice(0, 2);
  const name = command.filter((word) => !["web", "app"].includes(word)).join(" ");
  if (!helps.has(name)) helps.set(name, await helpOf(name));
  expect(helps.get(name)).toContain(`Usage: larder ${name} `);
  for (const flag of words.filter((word) => word.startsWith("--"))) {
    expect([name, helps.get(name)?.includes(` ${flag} `) && flag]).toEqual([name, flag]);
  }
}

async function helpOf(name: string): Promise<string> {
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const context = { env: {}, cwd: "/", stdout: write, stderr: write } as never;
  await runProgram([...name.split(" "), "--help"], context).catch(() => {});
  return text;
}

const limitless = {
  maxArtifactSizeBytes: 1_000,
  minFreeBytes: 0,
  maxAgeMs: undefined,
  scopeMaxAgeMs: undefined,
  log: silent,
};

/** Of a server that has just been started on it. */
async function noticesNow(
  it: TestCache,
  { refused = [] }: { refused?: { teamId: string; code: string; lastDay: number }[] } = {},
): Promise<Notice[]> {
  const notices = await Notices.open({
    cache: it.cache,
    database: it.database,
    server: {
      settings: soundServer.settings,
      usage: { dropped: 0 },
      counter: { refusedUploads: () => refused },
    },
  });
  return await notices.current();
}

const codesOf = (notices: Notice[]) => notices.map(({ code, team }) => `${code} ${team ?? ""}`.trim()).sort();

test("a server finds out by itself what is wrong with it", async () => {
  await using it = await openTestCache({ quotaBytes: 100, quotaRule: "refuse" }, { maxSizeBytes: 1_000 });
  const { database } = it;
  expect(codesOf(await noticesNow(it))).toEqual(["no_administrator"]);

  await new Users(database, serverActor).create({ email: "ann@example.org", role: "admin" });
  await new Teams(database, serverActor).create({ slug: "app" });
  await new Teams(database, serverActor).set("app", { state: "blocked" });
  await it.put("a", "a".repeat(96));
  const refused = [{ teamId: it.team.id, code: "team_over_limit", lastDay: 2 }];
  expect(codesOf(await noticesNow(it, { refused }))).toEqual([
    "refused_over_quota default",
    "team_not_enabled app",
    "team_quota default",
  ]);
});

test("a start forgets neither uploads that were refused before it, nor what went young", async () => {
  await using it = await openTestCache({}, { maxSizeBytes: 100 });
  const { database, storage, team } = it;
  await new Users(database, serverActor).create({ email: "ann@example.org", role: "admin" });
  const recorder = new UsageRecorder(database, silent);
  for (const hash of ["a", "b"]) recorder.refusedUpload(askerOf(team.id), hash, 1);
  await recorder.close();
  const longAgo = Date.now() - (Date.now() % hourMs) - 24 * hourMs;
  await addUses(database, [hourUse(askerOf(team.id), longAgo, { refusedUploads: 5 })]);
  await it.put("young", "y".repeat(60));
  await it.put("new", "n".repeat(60));

  const cache = await Cache.beside({ ...limitless, database, storage, maxSizeBytes: 100 });
  const notices = await noticesNow({ ...it, cache });
  expect(codesOf(notices)).toEqual(["cache_too_small", "refused_uploads default"]);
  expect(notices.find(({ code }) => code === "refused_uploads")?.message).toStartWith("2 uploads of team");
  // A command knows the same from the data folder, and nothing of what the server alone knows.
  const ofCommand = await (await Notices.open({ cache, database })).current();
  expect(codesOf(ofCommand)).toEqual(["cache_too_small", "refused_uploads default"]);
});

test("a team that nobody uses any more is found by the last use of its artifacts", async () => {
  await using it = await openTestCache();
  const { database } = it;
  await new Users(database, serverActor).create({ email: "ann@example.org", role: "admin" });
  await database.write(async (tx) => void (await tx.update(teams).set({ createdAt: 0 })));
  for (const hash of ["a", "b"]) await it.put(hash, hash);
  await it.setLastUsed("a", Date.now() - 10 * dayMs);
  expect(codesOf(await noticesNow(it))).toEqual([]);
  await it.setLastUsed("b", Date.now() - 8 * dayMs);
  expect(codesOf(await noticesNow(it))).toEqual(["team_unused default"]);
});

test("tokens that people made to last are told of around their end, while they are in use", async () => {
  await using it = await openTestCache();
  const { database, team } = it;
  await new Users(database, serverActor).create({ email: "ann@example.org", role: "admin" });
  const at = Date.now();
  const add = async (
    name: string,
    row: {
      createdAt?: number;
      expiresAt: number;
      lastUsedAt: number | null;
      policyId?: string;
      revokedAt?: number;
    },
  ) => {
    const expiresAt = at + dayMs;
    const made = await new Tokens(database, serverActor).create({
      teamId: team.id,
      name,
      permission: "write",
      expiresAt,
    });
    const change = { createdAt: at - 90 * dayMs, ...row };
    await database.write(
      async (tx) => void (await tx.update(tokens).set(change).where(eq(tokens.id, made.id))),
    );
  };
  const inUse = at - hourMs;
  await add("`soon`", { expiresAt: at + 6 * dayMs, lastUsedAt: inUse });
  await add("later", { expiresAt: at + 8 * dayMs, lastUsedAt: inUse });
  await add("unused", { expiresAt: at + dayMs, lastUsedAt: at - 8 * dayMs });
  await add("never used", { expiresAt: at + dayMs, lastUsedAt: null });
  await add("short", { createdAt: at - dayMs, expiresAt: at + dayMs, lastUsedAt: inUse });
  await add("of a job", { expiresAt: at + dayMs, lastUsedAt: inUse, policyId: "pol_x" });
  await add("revoked", { expiresAt: at + dayMs, lastUsedAt: inUse, revokedAt: inUse });
  await add("ended", { expiresAt: at - 2 * dayMs, lastUsedAt: at - 2 * dayMs - hourMs });
  await add("ended long ago", { expiresAt: at - 8 * dayMs, lastUsedAt: at - 8 * dayMs - hourMs });
  await add("replaced in time", { expiresAt: at - 2 * dayMs, lastUsedAt: at - 5 * dayMs });
  const notices = await noticesNow(it);
  expect(codesOf(notices)).toEqual(["tokens_expired default", "tokens_expiring default"]);
  expect(notices[0]?.message).toStartWith('1 token that builds used to the last: "ended".');
  expect(notices[1]?.message).toStartWith("1 token in use, the first in 5d 23h: \"'soon'\"");
});

test("however many ask, it is gathered once in a while", async () => {
  await using it = await openTestCache();
  let gathered = 0;
  const notices = await Notices.open({
    cache: it.cache,
    database: it.database,
    server: {
      settings: soundServer.settings,
      usage: {
        get dropped() {
          return ++gathered;
        },
      },
      counter: { refusedUploads: () => [] },
    },
  });
  const all = await Promise.all(Array.from({ length: 20 }, () => notices.current()));
  expect(gathered).toBe(1);
  expect(new Set(all).size).toBe(1);
});
