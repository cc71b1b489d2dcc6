import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { printable, printableCell } from "../../src/commands/printable.ts";
import { openDatabase } from "../../src/database/database.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, createTeam, createToken, TurboClient } from "../protocols/turbo/client.ts";

let larder: RunningLarder;
beforeEach(async () => {
  larder = await startLarder({
    args: ["--verify-rate", "none"],
    env: { TURBO_TOKEN: "environments-own-secret" },
  });
});
afterEach(() => larder[Symbol.asyncDispose]());

// biome-ignore lint/suspicious/noExplicitAny: tests look into it.
async function audit(...args: string[]): Promise<any[]> {
  return JSON.parse(await cliOutput(larder, "audit", ...args, "--json"));
}

function clientOf(token: string): TurboClient {
  return new TurboClient(larder.url, token);
}

describe("larder audit", () => {
  test("tells of uploads and purges: who, from where, which bytes", async () => {
    const web = await createTeam(larder, "web");
    await clientOf(web.token).put("a", "hello");
    await clientOf("environments-own-secret").put("b", "world");
    const admin = await createToken(larder, "web", "admin");
    await clientOf(admin.token).send("DELETE", "");
    await clientOf(admin.token).send("DELETE", "");

    const [purge, envWrite, write, ...others] = await audit("--kind", "artifact");
    expect(others).toEqual([]);
    expect(write).toEqual({
      id: expect.any(Number),
      createdAt: expect.stringMatching(/Z$/),
      kind: "artifact.write",
      actorKind: "token",
      actorId: web.id,
      actorName: "web write",
      address: "127.0.0.1",
      teamId: web.teamId,
      target: "a",
      details: { tool: "turbo", scope: "", sha256: Bun.SHA256.hash("hello", "hex"), sizeBytes: 5 },
    });
    expect(envWrite).toMatchObject({ actorId: null, actorName: "TURBO_TOKEN", target: "b" });
    // The second purge found nothing.
    expect(purge).toMatchObject({
      kind: "artifact.purge",
      actorId: admin.id,
      teamId: web.teamId,
      details: { artifacts: 1 },
    });
  });

  test("keeps no row of an upload that was malformed or changed nothing, nor of what only reads", async () => {
    await cliOutput(larder, "team", "create", "once", "--overwrite", "never");
    const writer = await createToken(larder, "once");
    const reader = await createToken(larder, "once", "read");
    await clientOf(writer.token).put("a", "first");
    await clientOf(writer.token).put("a", "first");
    await clientOf(writer.token).put("c", "no", { "x-artifact-duration": "long" });
    await clientOf(reader.token).get("a");
    await clientOf(reader.token).query(["a"]);
    await clientOf(reader.token).report([{ source: "LOCAL", event: "HIT", hash: "a", duration: 1 }]);
    const rows = await audit("--team", "once");
    expect(rows.map(({ kind, target }) => [kind, kind === "artifact.write" && target])).toEqual([
      ["artifact.write", "a"],
      ["token.create", false],
      ["token.create", false],
      ["team.create", false],
    ]);
  });

  test("has who wanted to write and may not, once a minute for each and why, and no other refusal", async () => {
    const strict = await createTeam(larder, "strict", "--overwrite", "never");
    const reader = await createToken(larder, "strict", "read");
    const pull = await createToken(larder, "strict", "write", "--scope", "pr-7");
    await clientOf(strict.token).put("a", "first");
    for (const body of ["other", "another"]) await clientOf(strict.token).put("a", body);
    await clientOf(strict.token).put("a", "first");
    await cliOutput(larder, "team", "set", "strict", "--require-tag", "on", "--anonymous-read", "on");
    await clientOf(pull.token).put("unsigned", "x");
    await clientOf(pull.token).of("?slug=default").put("theirs", "x", { "x-artifact-tag": "t" });
    for (const hash of ["b", "c"]) await clientOf(reader.token).put(hash, "x");
    expect((await clientOf(strict.token).send("DELETE", "")).status).toBe(403);
    await clientOf("anonymous").of("?slug=strict").put("d", "x");
    await clientOf("lrd_nobody").put("e", "x");
    await clientOf(reader.token).of("?slug=default").get("a");
    const rows = await audit("--kind", "artifact.refuse");
    expect(
      rows.map(({ actorId, teamId, target, details }) => [actorId, teamId, target, details?.code]),
    ).toEqual([
      [null, strict.teamId, "d", "forbidden"],
      [strict.id, strict.teamId, null, "forbidden"],
      [reader.id, strict.teamId, "b", "forbidden"],
      [pull.id, strict.teamId, "theirs", "wrong_team"],
      [pull.id, strict.teamId, "unsigned", "signature_required"],
      [strict.id, strict.teamId, "a", "conflict"],
    ]);
    expect(rows[0]).toMatchObject({ actorKind: "anonymous", address: "127.0.0.1" });
    expect(rows[4]?.details).toEqual({
      code: "signature_required",
      reason: expect.stringContaining("signed artifacts only"),
      scope: "pr-7",
      // The second upload of other bytes.
      leftOut: 1,
    });
  });

  test("has a refused upload to what is no hash, without it, and is not silenced by it", async () => {
    const reader = await createToken(larder, "default", "read");
    for (const hash of ["%ff", "%1b[2J", "a%00", "a"]) {
      const { status } = await fetch(`${larder.url}/v8/artifacts/${hash}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${reader.token}` },
        body: "x",
      });
      expect(status).toBe(403);
    }
    const rows = await audit("--kind", "artifact.refuse");
    expect(rows.map(({ actorId, target }) => [actorId, target])).toEqual([[reader.id, null]]);
    expect(larder.stderr()).not.toContain("not written down");
  });

  test("filters by time, actor, kind, team and target, and says when there is more", async () => {
    const web = await createTeam(larder, "web");
    await clientOf(web.token).put("a", "hello");
    const kinds = async (...args: string[]) => (await audit(...args)).map(({ kind }) => kind);
    expect(await kinds("--since", "1h", "--kind", "token", "--team", "web")).toEqual(["token.create"]);
    expect(await kinds("--until", "1h")).toEqual([]);
    expect(await kinds("--actor", web.id)).toEqual(["artifact.write"]);
    expect(await kinds("--actor", "web write")).toEqual(["artifact.write"]);
    expect(await kinds("--actor", "server")).toEqual(["token.create", "team.create"]);
    expect(await kinds("--actor", "nobody@example.org")).toEqual([]);
    expect(await kinds("--target", "a")).toEqual(["artifact.write"]);
    const { stdout, stderr } = await larder.cli("audit", "--limit", "1");
    expect(stdout.split("\n")).toHaveLength(3);
    expect(stderr).toBe("These are the newest 1. --limit shows more.\n");

    const table = await cliOutput(larder, "audit", "--kind", "artifact.write");
    expect(table).toMatch(/^TIME +ACTOR +ADDRESS +KIND +TEAM +TARGET +DETAILS\n/);
    expect(table).toMatch(
      /Z +token web write \(tok_\w+\) +127\.0\.0\.1 +artifact\.write +web +a +tool=turbo sha256=/,
    );

    await cliOutput(larder, "team", "delete", "web", "--yes");
    for (const team of ["web", web.teamId]) {
      expect(await kinds("--team", team)).toEqual([
        "team.delete",
        "artifact.write",
        "token.create",
        "team.create",
      ]);
    }
    expect((await larder.cli("audit", "--team", "gone")).stderr).toContain('no team "gone"');
  });

  test("takes no token for the person whose address it is called by, and says of each name what has it", async () => {
    const { teamId } = await createTeam(larder, "web");
    const beside = openDatabase(join(larder.dataFolder, "larder.db"));
    try {
      const by = { kind: "user", id: "usr_ann", name: "ann@example.org", address: null } as const;
      const { secret } = await new Tokens(beside, by).create({ teamId, name: by.name, permission: "write" });
      await clientOf(secret).put("a", "hello");
    } finally {
      await beside.close();
    }
    const [written] = await audit("--kind", "artifact.write", "--team", "web");
    expect(written).toMatchObject({ actorKind: "token", actorName: "ann@example.org" });
    const kinds = async (actor: string) => (await audit("--actor", actor)).map(({ kind }) => kind);
    expect(await kinds("Ann@example.org")).toEqual(["token.create"]);
    expect(await kinds(written?.actorId ?? "")).toEqual(["artifact.write"]);
    const who = (await cliOutput(larder, "audit", "--team", "web"))
      .split("\n")
      .map((line) => line.split(/ {2,}/)[1]);
    expect(who).toContain("ann@example.org");
    expect(who).toContain(`token ann@example.org (${written?.actorId})`);
  });

  test("says what was not found, so that a typo does not look like an all-clear", async () => {
    const said = async (...args: string[]) => {
      const { stdout, stderr, exitCode } = await larder.cli("audit", ...args, "--json");
      expect([JSON.parse(stdout), exitCode]).toEqual([[], 0]);
      return stderr;
    };
    expect(await said("--actor", "anne@example.org")).toBe(
      'Nobody called "anne@example.org" is in the audit log.\n',
    );
    expect(await said("--actor", `lrd_${"0".repeat(38)}`)).toBe(
      'Nobody called "****" is in the audit log.\n',
    );
    expect(await said("--target", "gone")).toBe('Nothing in the audit log was done to "gone".\n');
    expect(await said("--actor", "server", "--until", "1h")).toBe("Nothing in the audit log matches.\n");
    expect((await larder.cli("audit", "--actor", "server")).stderr).toBe("");
  });

  test.each([
    [["--kind", "tokn"], 'as --kind "tokn". Did you mean token?'],
    [["--kind", "token.revoked"], "There are token.create, token.refuse, token.revoke."],
    [["--kind", "zzzzzzzz"], "There are artifact, blob, member,"],
    [["--since", "1h", "--until", "2h"], "Change one of them."],
    [
      ["--since", "2026-01-01", "--until", "2026-01-01"],
      "--since is 2026-01-01T00:00:00.000Z, which is not before",
    ],
  ])("refuses %p, of which there is never anything", async (args, why) => {
    const { stdout, stderr, exitCode } = await larder.cli("audit", ...args);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toContain(why);
  });

  test("leaves empty details out of the table, but for what something was changed to", async () => {
    await cliOutput(larder, "user", "create", "ann@example.org");
    expect(await cliOutput(larder, "audit", "--kind", "user.create")).toEndWith(" role=member\n");
    await cliOutput(larder, "team", "set", "default", "--quota", "1GiB");
    await cliOutput(larder, "team", "set", "default", "--quota", "none");
    expect(await cliOutput(larder, "audit", "--kind", "team.set", "--limit", "1")).toContain(
      "quotaBytes=null before=",
    );
  });

  test("lets no control character out of what others named", async () => {
    using database = new Database(join(larder.dataFolder, "larder.db"));
    database.run("PRAGMA busy_timeout = 5000");
    const nasty = "\x1b[2J\x9b31m\u202egpj\r\n\ttab\u2028\u{e0001}\ud800";
    database.run(
      "INSERT INTO audit (created_at, kind, actor_kind, actor_name, target, details) VALUES (?, 'policy.create', 'user', ?, ?, ?)",
      [Date.now(), nasty, nasty, JSON.stringify({ [nasty]: nasty })],
    );
    const table = await cliOutput(larder, "audit", "--kind", "policy");
    const json = await cliOutput(larder, "audit", "--kind", "policy", "--json");
    for (const text of [table, json]) expect(text.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(table.split("\n")).toHaveLength(3);
    expect(JSON.parse(json)[0].target).toStartWith("\x1b[2J\x9b31m\u202egpj\r\n\ttab\u2028\u{e0001}");
  });

  test("tells of the work of gc and verify, and of what is damaged", async () => {
    await clientOf(larder.firstToken).put("a", "hello");
    const sha256 = Bun.SHA256.hash("hello", "hex");
    await Bun.write(join(larder.dataFolder, "blobs", sha256.slice(0, 2), sha256), "hullo");
    await larder.stop();
    expect((await larder.cli("verify")).exitCode).toBe(1);
    await cliOutput(larder, "gc", "--max-age", "1s");
    const rows = await audit("--actor", "command");
    expect(rows.map(({ kind }) => kind)).toEqual(["storage.verify", "blob.quarantine"]);
    expect(rows[0].details).toMatchObject({ rotten: 1, unknown: 0 });
    expect(rows[1]).toMatchObject({ target: sha256, details: { sizeBytes: 5 } });
  });
});

test("what was answered is written down after kill -9, and what is written down was done", async () => {
  const answered = new Set<string>();
  const clients = Array.from({ length: 8 }, () => clientOf(larder.firstToken));
  const puts = clients.map(async (client, worker) => {
    for (let index = 0; ; index++) {
      const hash = `w${worker}-${index}`;
      const response = await client.put(hash, hash).catch(() => undefined);
      if (response?.status !== 202) return;
      answered.add(hash);
      if (answered.size === 200) larder.process.kill("SIGKILL");
    }
  });
  await Promise.all(puts);
  await larder.process.exited;
  const written = new Set(
    (await audit("--kind", "artifact.write", "--limit", "10000")).map(({ target }) => target),
  );
  using database = new Database(join(larder.dataFolder, "larder.db"), { readonly: true });
  database.run("PRAGMA busy_timeout = 5000");
  const kept = new Set(
    (database.query("SELECT hash FROM artifacts").values() as [string][]).map(([hash]) => hash),
  );
  expect(answered.size).toBeGreaterThanOrEqual(200);
  expect([...answered].filter((hash) => !written.has(hash))).toEqual([]);
  expect(written).toEqual(kept);
});

test("no secret is anywhere in the data folder or the log", async () => {
  const token = await createToken(larder, "default");
  const revoked = await createToken(larder, "default", "admin");
  await clientOf(token.token).put("a", "hello");
  await clientOf("environments-own-secret").put("b", "world");
  await cliOutput(larder, "token", "revoke", revoked.token);
  await cliOutput(larder, "purge", "--written-by", token.token);
  await cliOutput(larder, "token", "revoke", token.token, "--purge");
  expect(await audit("--kind", "artifact.purge")).toHaveLength(1);
  await larder.stop();
  const files = readdirSync(larder.dataFolder, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const texts = files.map((file) => readFileSync(join(file.parentPath, file.name), "latin1"));
  expect(texts.length).toBeGreaterThan(1);
  for (const secret of [token.token, revoked.token, larder.firstToken, "environments-own-secret"])
    for (const text of [...texts, larder.stderr()]) expect(text.includes(secret)).toBe(false);
});

test("a token's last use is remembered across a stop, and not written for each request", async () => {
  const { id, token } = await createToken(larder, "default", "read");
  const before = Date.now();
  for (let index = 0; index < 20; index++) await clientOf(token).get("none");
  await larder.stop();
  const { lastUsedAt } = JSON.parse(await cliOutput(larder, "token", "show", id, "--json"));
  expect(Date.parse(lastUsedAt)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(lastUsedAt)).toBeLessThanOrEqual(Date.now());
});

test("what is printable stays as it is, and JSON the same JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = JSON.stringify(value, null, 2);
      expect(JSON.parse(printable(json))).toEqual(JSON.parse(json));
      expect(printable(json).replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }),
  );
  expect(printableCell("tab\tline\nümlaut 👍")).toBe("tab\\u0009line\\nümlaut 👍");
});
