import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { cursorOf, readCursor } from "../../src/database/cursor.ts";
import { openDatabase } from "../../src/database/database.ts";
import { audit } from "../../src/database/schema.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { logLines } from "../server/log-lines.ts";
import type { Json } from "./api-client.ts";
import { openWorld } from "./world.ts";

test("a list that is read a page at a time has everything once, whatever is added meanwhile", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const { id: teamId } = await admin.ok("POST", "/teams", { slug: "web" });
  let made = 0;
  const token = () => admin.ok("POST", "/tokens", { team: "web", name: `t${made++}`, permission: "read" });
  const user = () =>
    admin.ok("POST", "/users", { email: `${["a", "m", "z"][made % 3]}${made++}@example.org` });
  const lists: { path: string; add: () => Promise<Json>; key: string }[] = [
    { path: "/tokens?team=web", add: token, key: "id" },
    { path: "/tokens", add: token, key: "id" },
    { path: "/users", add: user, key: "id" },
    { path: "/audit?kind=token", add: token, key: "id" },
    { path: `/audit?team=${teamId}`, add: token, key: "id" },
  ];
  for (const { add } of lists) for (let count = 0; count < 5; count++) await add();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...lists),
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 4 }),
      async ({ path, add, key }, limit, additions) => {
        const before = (await admin.all(path, 200)).map((item) => item[key]);
        const seen: string[] = [];
        for (let cursor: string | null = ""; cursor !== null; ) {
          const and = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
          const page: Json = await admin.get(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}${and}`);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items.map((item: Json) => item[key]));
          cursor = page.nextCursor;
          for (let count = additions.pop() ?? 0; count > 0; count--) await add();
        }
        expect(new Set(seen).size).toBe(seen.length);
        const wereThere = new Set(before);
        expect(seen.filter((one) => wereThere.has(one))).toEqual(before);
      },
    ),
    { numRuns: 25 },
  );
}, 120_000);

test("artifacts come in any order that is asked for, a page at a time, and only those that are asked for", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("POST", "/teams", { slug: "app" });
  const secretOf = async (team: string, scope?: string) =>
    (await admin.ok("POST", "/tokens", { team, name: "w", permission: "write", ...(scope && { scope }) }))
      .secret;
  const writers = [
    await secretOf("web"),
    await secretOf("app"),
    await secretOf("web", "pr-1"),
    await secretOf("web", "pr-2"),
  ];
  for (let number = 0; number < 40; number++) {
    const hash = `${["aaa", "aab", "abc"][number % 3]}${number}`;
    // Several have the same bytes, and several the same size.
    const body = "x".repeat(number % 7) + (number % 5 === 0 ? "same" : number % 2);
    expect((await new TurboClient(larder.url, writers[number % 4] as string).put(hash, body)).status).toBe(
      202,
    );
  }
  const everything = await admin.all("/artifacts", 200);
  expect(everything).toHaveLength(40);
  const keyOf: Record<string, (item: Json) => string | number> = {
    used: ({ lastUsedAt }) => lastUsedAt,
    size: ({ sizeBytes }) => sizeBytes,
    created: ({ id }) => id,
  };
  await fc.assert(
    fc.asyncProperty(
      fc.record(
        {
          team: fc.constantFrom("web", "app"),
          tool: fc.constantFrom("turbo", "nx"),
          scope: fc.constantFrom("", "pr-1", "pr-2", "pr-3"),
          hash: fc.constantFrom("aaa", "aab", "abc1", "AAA", "aaa1", "zzz"),
        },
        { requiredKeys: [] },
      ),
      fc.constantFrom("used", "size", "created"),
      fc.constantFrom("asc", "desc"),
      fc.integer({ min: 1, max: 50 }),
      async (filter, sort, order, limit) => {
        const query = new URLSearchParams({ ...filter, sort, order });
        const items = await admin.all(`/artifacts?${query}`, limit);
        const expected = everything.filter(
          (item) =>
            (filter.team === undefined || item.team === filter.team) &&
            (filter.tool === undefined || item.tool === filter.tool) &&
            (filter.scope === undefined || item.scope === filter.scope) &&
            (filter.hash === undefined || item.hash.startsWith(filter.hash)),
        );
        expect(items.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
        const keys = items.map(keyOf[sort] as (item: Json) => string | number);
        for (let index = 1; index < keys.length; index++) {
          const [one, next] = [keys[index - 1], keys[index]] as [number, number];
          expect(order === "asc" ? one <= next : one >= next).toBe(true);
        }
      },
    ),
    { numRuns: 60 },
  );
  const { nextCursor } = await admin.get("/artifacts?sort=size&limit=1");
  expect(
    (await admin.send("GET", `/artifacts?sort=size&order=asc&cursor=${nextCursor}`)).json.message,
  ).toContain("another order");
}, 120_000);

test("a cursor is read as it was made, and nothing else is taken for one", () => {
  const kinds = ["number", "string", "number"] as const;
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.string(), fc.maxSafeInteger(), (one, text, other) => {
      expect(readCursor(cursorOf(one, text, other), kinds)).toEqual([one, text, other]);
      expect(() => readCursor(cursorOf(one, text), kinds)).toThrow("cursor is none of this list");
      expect(() => readCursor(cursorOf(text, one, other), kinds)).toThrow("cursor is none of this list");
    }),
  );
  const strange = fc.oneof(
    fc.string(),
    fc.json().map((json) => Buffer.from(json).toString("base64url")),
  );
  fc.assert(
    fc.property(strange, (cursor) => {
      expect(() => readCursor(cursor, kinds)).toThrow("cursor is none of this list");
    }),
  );
});

test("those who search the audit log for one team wait for each other, and nobody else waits for them", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  const ownerOf = async (slug: string) => {
    await admin.ok("POST", "/teams", { slug });
    const { secret } = await admin.ok("POST", "/tokens", { team: slug, name: "all", permission: "admin" });
    return world.bearer(secret);
  };
  const [many, other] = [await ownerOf("many"), await ownerOf("other")];
  const beside = openDatabase(join(larder.dataFolder, "larder.db"), "fast");
  const facts = {
    createdAt: Date.now() - 60_000,
    kind: "artifact.write",
    actorKind: "token",
    actorName: "ci",
  };
  try {
    await beside.write(async (tx) => {
      for (let some = 0; some < 30; some++)
        await tx.insert(audit).values(Array.from({ length: 1_000 }, () => facts));
    });
  } finally {
    await beside.close();
  }
  const flood = Array.from({ length: 30 }, () => many.get("/audit?team=many&target=nothing"));
  await Promise.race(flood);
  await other.send("GET", "/audit?team=other&target=nothing", undefined, { "x-request-id": "other" });
  await Promise.all(flood);
  // By the server's own clock, since nobody knows how many are through before the client gets to ask.
  await larder.stop();
  const searches = logLines(larder.stderr())
    .filter(({ path, method }) => path === "/api/v1/audit" && method === "GET")
    .map(({ requestId, time, durationMs }) => ({
      isOther: requestId === "other",
      endedAt: Date.parse(time as string),
      durationMs: durationMs as number,
    }));
  expect(searches).toHaveLength(31);
  const at = searches.findIndex(({ isOther }) => isOther);
  const [{ endedAt, durationMs }] = searches.slice(at) as [(typeof searches)[number]];
  const whileItWaited = searches.slice(0, at).filter((one) => one.endedAt > endedAt - durationMs);
  // All that had yet to be answered would be through before it.
  expect(whileItWaited.length).toBeLessThan(15);
}, 120_000);

test("uploads are left out of the audit log for those who ask for that, and for nobody else", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  const { secret } = await admin.ok("POST", "/tokens", { team: "web", name: "w", permission: "write" });
  const client = new TurboClient(larder.url, secret);
  for (const hash of ["a1", "a2", "a3"]) expect((await client.put(hash, hash)).status).toBe(202);
  const kinds = async (query: string) =>
    (await admin.all(`/audit?team=web${query}`, 200)).map(({ kind }) => kind);
  const uploads = Array(3).fill("artifact.write");
  expect(await kinds("")).toEqual([...uploads, "token.create", "team.create"]);
  expect(await kinds("&notKind=artifact.write")).toEqual(["token.create", "team.create"]);
  expect(await kinds("&notKind=token")).toEqual([...uploads, "team.create"]);
  expect((await admin.send("GET", "/audit?notKind=artifact.wrote")).status).toBe(400);
});
