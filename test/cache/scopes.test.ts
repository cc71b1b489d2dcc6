import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openTestCache, type TestCache } from "./test-cache.ts";

/** The bytes that whoever asks from this scope gets, by `get` and by `query`, which must agree on what there is. */
async function found(t: TestCache, hash: string, scope: string): Promise<string | undefined> {
  const content = await t.get(hash, t.team, scope);
  const queried = await t.cache.query({ teamId: t.team.id, tool: "turbo", scope }, [hash]);
  expect(queried.get(hash)?.sizeBytes).toBe(content?.length);
  return content;
}

describe("a scope", () => {
  test("finds its own artifact, else the trusted one, and never another scope's", async () => {
    await using t = await openTestCache();
    await t.put("both", "trusted");
    await t.put("both", "of one", { scope: "pr-1" });
    await t.put("trusted", "only trusted");
    await t.put("own", "own alone", { scope: "pr-1" });

    expect(await found(t, "both", "pr-1")).toBe("of one");
    expect(await found(t, "trusted", "pr-1")).toBe("only trusted");
    expect(await found(t, "own", "pr-1")).toBe("own alone");

    expect(await found(t, "both", "pr-2")).toBe("trusted");
    expect(await found(t, "own", "pr-2")).toBeUndefined();

    expect(await found(t, "both", "")).toBe("trusted");
    expect(await found(t, "own", "")).toBeUndefined();
  });

  test("finds the trusted artifact where its own is damaged", async () => {
    await using t = await openTestCache();
    await t.put("a", "trusted");
    await t.put("a", "own", { scope: "pr-1" });
    const own = new Bun.CryptoHasher("sha256").update("own").digest("hex");
    rmSync(join(t.folder, "blobs", own.slice(0, 2), own));

    expect(await t.get("a", t.team, "pr-1")).toBe("trusted");
    // By now it is known to be damaged, which is another way to miss it.
    expect(await found(t, "a", "pr-1")).toBe("trusted");
  });

  test("finds the trusted artifact in a query that finds its own damaged", async () => {
    await using t = await openTestCache();
    await t.put("a", "trusted");
    await t.put("a", "own", { scope: "pr-1" });
    const own = new Bun.CryptoHasher("sha256").update("own").digest("hex");
    rmSync(join(t.folder, "blobs", own.slice(0, 2), own));

    expect(await found(t, "a", "pr-1")).toBe("trusted");
  });

  test("is written once by itself in a team whose artifacts are never overwritten", async () => {
    await using t = await openTestCache({ overwrite: "never" });
    await t.put("a", "trusted");
    await t.put("a", "own", { scope: "pr-1" });
    await t.put("a", "own", { scope: "pr-1" });
    expect(await t.put("a", "other", { scope: "pr-1" }).catch((error) => error)).toMatchObject({
      code: "conflict",
    });
    await t.put("a", "another's", { scope: "pr-2" });
    await t.put("b", "first here", { scope: "pr-1" });
    await t.put("b", "and then trusted");

    expect(await t.get("a")).toBe("trusted");
    expect(await t.get("a", t.team, "pr-1")).toBe("own");
    expect(await t.get("b")).toBe("and then trusted");
    expect(await t.get("b", t.team, "pr-1")).toBe("first here");
  });
});
