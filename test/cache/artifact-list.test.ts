import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ArtifactFilter, ArtifactList, type ListedArtifact } from "../../src/cache/artifact-list.ts";
import { artifactSorts } from "../../src/cache/artifact-order.ts";
import { createDataFolder, openDataFolder } from "../../src/database/data-folder.ts";
import { artifacts, blobs, teams } from "../../src/database/schema.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const teamIds = ["team_a", "team_b", "team_c"];

/** So many that they are both put in order and walked along an index, in steps. */
test("pages together have every artifact once, in order, however little of the whole a filter leaves", async () => {
  using folder = temporaryFolder();
  createDataFolder(folder.path);
  const database = openDataFolder(folder.path);
  try {
    await database.write(async (tx) => {
      await tx
        .insert(teams)
        .values(teamIds.map((id) => ({ id, slug: id.replace("team_", ""), name: id, createdAt: 1 })));
      const ofBlob = Array.from({ length: 60 }, (_, index) => ({
        id: index + 1,
        sha256: String(index),
        sizeBytes: index % 7,
        createdAt: 1,
      }));
      await tx.insert(blobs).values(ofBlob);
      const rows = Array.from({ length: 200 }, (_, index) => ({
        teamId: index % 10 === 0 ? "team_b" : index % 33 === 0 ? "team_c" : "team_a",
        tool: index % 5 === 0 ? "nx" : "turbo",
        scope: index % 4 === 0 ? "pr-1" : "",
        hash: `${"abc"[index % 3]}${"de"[index % 2]}f${index}`,
        // One blob is shared by many.
        blobId: index % 3 === 0 ? 7 : (index % 60) + 1,
        durationMs: 1,
        createdAt: 1,
        lastUsedAt: (index * 7919) % 50,
      }));
      await tx.insert(artifacts).values(rows);
    });
    const everything = (
      await new ArtifactList(database).page({}, { sort: "created", isDescending: false }, { limit: 1_000 })
    ).items;
    expect(everything).toHaveLength(200);
    const keyOf = {
      used: ({ lastUsedAt, id }: ListedArtifact) => [lastUsedAt, id],
      size: ({ sizeBytes, blobId, id }: ListedArtifact) => [sizeBytes, blobId, id],
      created: ({ id }: ListedArtifact) => [id],
    };
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            teamIds: fc.subarray(teamIds),
            tool: fc.constantFrom("turbo", "nx", "gradle"),
            scope: fc.constantFrom("", "pr-1", "pr-2"),
            hashPrefix: fc.constantFrom("adf", "bef", "cdf1", "zzz"),
          },
          { requiredKeys: [] },
        ),
        fc.constantFrom(...artifactSorts),
        fc.boolean(),
        fc.record({
          sorted: fc.integer({ min: 0, max: 30 }),
          walked: fc.integer({ min: 1, max: 40 }),
          spaces: fc.constant(100),
        }),
        fc.integer({ min: 1, max: 30 }),
        async (filter, sort, isDescending, limits, limit) => {
          const list = new ArtifactList(database, limits);
          const found: ListedArtifact[] = [];
          let pages = 0;
          for (let cursor: string | null | undefined; cursor !== null; pages++) {
            const page = await list.page(filter, { sort, isDescending }, { limit, cursor });
            expect(page.items.length).toBeLessThanOrEqual(limit);
            found.push(...page.items);
            cursor = page.nextCursor;
            // Each goes on where the one before has ended.
            expect(pages).toBeLessThan(500);
          }
          const expected = everything
            .filter(
              (one) =>
                (filter.teamIds?.includes(one.teamId) ?? true) &&
                one.tool === (filter.tool ?? one.tool) &&
                one.scope === (filter.scope ?? one.scope) &&
                one.hash.startsWith(filter.hashPrefix ?? ""),
            )
            .sort((a, b) => compared(keyOf[sort](a), keyOf[sort](b)) * (isDescending ? -1 : 1));
          expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        },
      ),
      { numRuns: 400 },
    );
    // So many scopes are looked through for a hash, and no more; with one of them named, none has to be.
    const narrow = new ArtifactList(database, { sorted: 30, walked: 40, spaces: 2 });
    const search = (filter: ArtifactFilter) =>
      narrow.page({ ...filter, hashPrefix: "adf" }, { sort: "used", isDescending: true }, { limit: 100 });
    await expect(search({})).rejects.toMatchObject({ code: "bad_request" });
    expect((await search({ teamIds: [teamIds[0] as string], tool: "turbo", scope: "" })).items).not.toEqual(
      [],
    );
  } finally {
    await database.close();
  }
}, 120_000);

test("a scope that has little is shown on one page, whatever lies around it and however long ago it was used", async () => {
  using folder = temporaryFolder();
  createDataFolder(folder.path);
  const database = openDataFolder(folder.path);
  try {
    const teamId = teamIds[0] as string;
    await database.write(async (tx) => {
      await tx.insert(teams).values(teamIds.map((id) => ({ id, slug: id, name: id, createdAt: 1 })));
      await tx.insert(blobs).values({ id: 1, sha256: "1", sizeBytes: 1, createdAt: 1 });
      const rows = Array.from({ length: 300 }, (_, index) => ({
        teamId: index < 200 ? teamId : (teamIds[1] as string),
        tool: index % 2 === 0 ? "turbo" : "nx",
        // Of these the first two are the ones that were used longest ago.
        scope: index < 2 ? "pr-7" : `pr-${index}0`,
        hash: `abc${index}`,
        blobId: 1,
        durationMs: 1,
        createdAt: 1,
        lastUsedAt: index,
      }));
      await tx.insert(artifacts).values(rows);
    });
    const list = new ArtifactList(database, { sorted: 10, walked: 20, spaces: 10 });
    const pageOf = async (filter: ArtifactFilter, limits = list) => {
      const wanted = { sort: "used", isDescending: true } as const;
      const { items, nextCursor } = await limits.page({ scope: "pr-7", ...filter }, wanted, { limit: 50 });
      return { hashes: items.map(({ hash }) => hash), nextCursor };
    };
    const both = { hashes: ["abc1", "abc0"], nextCursor: null };
    expect(await pageOf({})).toEqual(both);
    expect(await pageOf({ teamIds: [teamId] })).toEqual(both);
    expect(await pageOf({ teamIds })).toEqual(both);
    expect(await pageOf({ tool: "nx" })).toEqual({ hashes: ["abc1"], nextCursor: null });
    expect(await pageOf({ hashPrefix: "abc0" })).toEqual({ hashes: ["abc0"], nextCursor: null });
    // Beyond so many teams and tools it goes along the index, page after page.
    const narrow = new ArtifactList(database, { sorted: 10, walked: 20, spaces: 3 });
    expect(await pageOf({}, narrow)).toEqual({ hashes: [], nextCursor: expect.any(String) });
  } finally {
    await database.close();
  }
});

function compared(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at < 0 ? 0 : (one[at] as number) - (other[at] as number);
}
