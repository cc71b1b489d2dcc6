import { Database as Sqlite } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { given, prepared } from "../../src/database/prepared.ts";
import { teams } from "../../src/database/schema.ts";
import { writeIdentity } from "../../src/identity/write-identity.ts";
import { version } from "../../src/version.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function row(slug: string) {
  return { id: `team_${slug}`, slug, name: slug, createdAt: 1 };
}

function openTemporary() {
  const folder = temporaryFolder();
  const path = join(folder.path, "larder.db");
  const database = openDatabase(path);
  return {
    database,
    path,
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}

/** Asks for the teams at the same time. @returns how many teams are committed when each of them is answered. */
function seenAtAnswers(database: Database, slugs: string[]): Promise<number[]> {
  return Promise.all(
    slugs.map(async (slug) => {
      await database.write(async (tx) => void (await tx.insert(teams).values(row(slug))));
      return database.read.$count(teams);
    }),
  );
}

describe("writes", () => {
  test("that are asked for together are all kept, but for those that fail", async () => {
    await using t = openTemporary();
    const results = await Promise.allSettled(
      ["a", "b", "c", "d"].map((slug) =>
        t.database.write(async (tx) => {
          await tx.insert(teams).values(row(slug));
          if (slug === "b" || slug === "d") throw new Error(`not ${slug}`);
          return slug;
        }),
      ),
    );
    expect(
      results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.message)),
    ).toEqual(["a", "not b", "c", "not d"]);
    expect((await t.database.read.select().from(teams)).map((team) => team.slug).sort()).toEqual(["a", "c"]);
  });

  test("that are asked for together share one commit", async () => {
    await using t = openTemporary();
    expect(await seenAtAnswers(t.database, ["a", "b", "c", "d"])).toEqual([4, 4, 4, 4]);
  });

  test("that are asked for while another is under way share the next commit", async () => {
    await using t = openTemporary();
    const started = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const first = t.database.write(async (tx) => {
      started.resolve();
      await asked.promise;
      await tx.insert(teams).values(row("a"));
    });
    await started.promise;
    const others = seenAtAnswers(t.database, ["b", "c", "d"]);
    asked.resolve();
    await first;
    expect(await others).toEqual([4, 4, 4]);
  });

  test("are seen by no reader before they are kept, and by every reader after", async () => {
    await using t = openTemporary();
    const read = () => t.database.read.select().from(teams).where(eq(teams.slug, "a"));
    await t.database.write(async (tx) => {
      await tx.insert(teams).values(row("a"));
      expect(await read()).toEqual([]);
    });
    expect(await read()).toHaveLength(1);
  });

  test("that break a rule of the schema leave nothing and hold nobody up", async () => {
    await using t = openTemporary();
    await t.database.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
    const taken = t.database.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
    const free = t.database.write(async (tx) => void (await tx.insert(teams).values(row("b"))));
    expect(await taken.catch(() => "refused")).toBe("refused");
    await free;
    expect(await t.database.read.select().from(teams)).toHaveLength(2);
  });

  test("under way are complete when the database closes", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "larder.db");
    const database = openDatabase(path);
    const writing = database.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
    await Promise.all([writing, database.close()]);
    const again = openDatabase(path);
    expect(await again.read.select().from(teams)).toHaveLength(1);
    await again.close();
  });

  test("beside others do not fail while another process holds the database for a moment", async () => {
    await using t = openTemporary();
    const holder = Bun.spawn({
      cmd: [
        process.execPath,
        "-e",
        `const { Database } = require("bun:sqlite");
         const db = new Database(${JSON.stringify(t.path)});
         db.run("BEGIN IMMEDIATE");
         console.log("held");
         setTimeout(() => { db.run("COMMIT"); db.close(); }, 200);`,
      ],
      stdout: "pipe",
    });
    await holder.stdout.getReader().read();
    await t.database.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
    expect(await t.database.read.select().from(teams)).toHaveLength(1);
    await holder.exited;
  });

  test.each([
    ["SQLITE_FULL", "no_space"],
    ["SQLITE_READONLY_DBMOVED", "unavailable"],
    ["SQLITE_CANTOPEN", "unavailable"],
  ])(
    "are refused with what to do when SQLite says %s, also in the query layer's wrapping",
    async (code, refusal) => {
      await using t = openTemporary();
      const failure = Object.assign(new Error("failed"), { code });
      for (const error of [failure, new Error("Failed query", { cause: failure })]) {
        const refused = await t.database.write(() => Promise.reject(error)).catch((reason) => reason);
        expect(refused).toMatchObject({ name: "Refusal", code: refusal });
        expect(refused.message).toContain("Nothing was stored");
      }
      const fault = new Error("Failed query", { cause: new Error("no such table") });
      expect(await t.database.write(() => Promise.reject(fault)).catch((reason) => reason)).toBe(fault);
    },
  );

  test("wait as long for another process as if no other write were waiting before them", async () => {
    await using t = openTemporary();
    using holder = new Sqlite(t.path);
    holder.run("BEGIN IMMEDIATE");
    const write = async (slug: string) => {
      const askedAt = performance.now();
      const failure = await t.database
        .write(async (tx) => void (await tx.insert(teams).values(row(slug))))
        .catch((error) => error);
      return { failure, waitedMs: performance.now() - askedAt };
    };
    const first = write("a");
    await Bun.sleep(2_000);
    const second = write("b");
    expect((await first).failure).toMatchObject({ name: "Refusal", code: "unavailable" });
    const third = write("c");
    const { failure, waitedMs } = await second;
    expect(failure).toMatchObject({ code: "unavailable", retryAfterSeconds: 1 });
    expect(waitedMs).toBeGreaterThan(4_900);
    // One that began to wait when the first was refused waits on: the second has not waited since then, too.
    expect(Bun.peek.status(third)).toBe("pending");
    holder.run("ROLLBACK");
    expect((await third).failure).toBeUndefined();
    expect((await t.database.read.select().from(teams)).map(({ slug }) => slug)).toEqual(["c"]);
  }, 120_000);
});

test("the identity version moves with the writes that say so, ours and another process's, also within a turn", async () => {
  await using t = openTemporary();
  const first = t.database.identityVersion();
  await t.database.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
  expect(t.database.identityVersion()).toBe(first);
  await writeIdentity(t.database, async (tx) => void (await tx.insert(teams).values(row("b"))));
  const second = t.database.identityVersion();
  expect(second).not.toBe(first);
  const other = openDatabase(t.path);
  await writeIdentity(other, async (tx) => void (await tx.insert(teams).values(row("c"))));
  expect(t.database.identityVersion()).not.toBe(second);
  await other.close();
});

describe("reads", () => {
  const insert = (database: Database, slug: string) =>
    database.write(async (tx) => void (await tx.insert(teams).values(row(slug))));
  const nextTurn = () => new Promise<void>((begins) => setImmediate(begins));

  test("of one turn see one state, and those of the next what another process has written", async () => {
    await using t = openTemporary();
    const other = new Sqlite(t.path);
    await nextTurn();
    expect(t.database.read.select().from(teams).all()).toHaveLength(0);
    other.run("INSERT INTO teams (id, slug, name, created_at) VALUES ('team_b', 'b', 'b', 1)");
    expect(t.database.read.select().from(teams).all()).toHaveLength(0);
    await nextTurn();
    expect(t.database.read.select().from(teams).all()).toHaveLength(1);
    other.close();
  });

  test("see our own write as soon as it is answered", async () => {
    await using t = openTemporary();
    for (const [index, slug] of ["a", "b", "c"].entries()) {
      expect(await t.database.read.$count(teams)).toBe(index);
      await insert(t.database, slug);
      expect(await t.database.read.$count(teams)).toBe(index + 1);
    }
  });
});

describe("opening", () => {
  test("an existing database keeps what is in it", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "larder.db");
    const first = openDatabase(path);
    await first.write(async (tx) => void (await tx.insert(teams).values(row("a"))));
    await first.close();
    const second = openDatabase(path);
    expect(await second.read.select().from(teams)).toHaveLength(1);
    await second.close();
  });

  test("a database of a newer larder is refused with both versions named, and stays as it was", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "larder.db");
    await openDatabase(path).close();
    const sqlite = new Sqlite(path);
    sqlite.run("INSERT INTO schema_migrations VALUES (999, 'future', '9.8.7', 1)");
    sqlite.run("PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite.close();
    const before = readFileSync(path);
    expect(() => openDatabase(path)).toThrow(new RegExp(`999.*9\\.8\\.7.*${version.replaceAll(".", "\\.")}`));
    expect(readFileSync(path).equals(before)).toBeTrue();
  });

  test("processes may bring a new database up to date at the same time", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "larder.db");
    const script = `import { openDatabase } from ${JSON.stringify(join(import.meta.dir, "../../src/database/database.ts"))};
      await openDatabase(${JSON.stringify(path)}).close();`;
    const file = join(folder.path, "open.ts");
    writeFileSync(file, script);
    const all = [0, 1, 2, 3].map(() => Bun.spawn({ cmd: [process.execPath, file], stderr: "pipe" }));
    const ends = await Promise.all(
      all.map(async (one) => ({ code: await one.exited, stderr: await new Response(one.stderr).text() })),
    );
    expect(ends).toEqual(all.map(() => ({ code: 0, stderr: "" })));
  });
});

describe("a prepared query", () => {
  const nameOf = prepared((queries) =>
    queries
      .select({ name: teams.name })
      .from(teams)
      .where(eq(teams.slug, given("slug"))),
  );
  const rename = prepared((queries) =>
    queries
      .update(teams)
      .set({ name: given("name") })
      .where(eq(teams.slug, given("slug"))),
  );

  test("takes new values each time, on each connection its own", async () => {
    await using a = openTemporary();
    await using b = openTemporary();
    for (const { database } of [a, b]) {
      await database.write(async (tx) => void (await tx.insert(teams).values([row("one"), row("two")])));
    }
    await a.database.write(async (tx) => void (await rename(tx).execute({ slug: "two", name: "changed" })));
    const names = async ({ database }: { database: Database }) => [
      await nameOf(database.read).execute({ slug: "one" }),
      await nameOf(database.read).execute({ slug: "two" }),
      await nameOf(database.read).execute({ slug: "three" }),
    ];
    expect(await names(a)).toEqual([[{ name: "one" }], [{ name: "changed" }], []]);
    expect(await names(b)).toEqual([[{ name: "one" }], [{ name: "two" }], []]);
  });

  test("is undone with the write that ran it", async () => {
    await using t = openTemporary();
    await t.database.write(async (tx) => void (await tx.insert(teams).values(row("one"))));
    const failed = t.database.write(async (tx) => {
      await rename(tx).execute({ slug: "one", name: "changed" });
      throw new Error("undone");
    });
    await expect(failed).rejects.toThrow("undone");
    expect(await nameOf(t.database.read).execute({ slug: "one" })).toEqual([{ name: "one" }]);
  });
});
