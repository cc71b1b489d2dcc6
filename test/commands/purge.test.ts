import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Actor, serverActor } from "../../src/audit/audit-log.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import { Members } from "../../src/identity/members.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, createTeam, createToken, TurboClient } from "../protocols/turbo/client.ts";
import { holdingsOf } from "../server/holdings.ts";

const root: Actor = { kind: "command", id: null, name: "root", address: null };

let larder: RunningLarder;
beforeEach(async () => {
  larder = await startLarder({
    args: ["--verify-rate", "none"],
    env: { TURBO_TOKEN: "environments-own-secret" },
  });
});
afterEach(() => larder[Symbol.asyncDispose]());

async function put(token: string, hash: string, team = ""): Promise<void> {
  const client = new TurboClient(larder.url, token);
  expect((await (team ? client.of(`?slug=${team}`) : client).put(hash, `bytes of ${hash}`)).status).toBe(202);
}

async function json(...args: string[]) {
  return JSON.parse(await cliOutput(larder, ...args, "--json"));
}

/** As `team/hash`. */
function kept(): string[] {
  return holdingsOf(larder.dataFolder)
    .artifacts.map(({ team, hash }) => `${team}/${hash}`)
    .sort();
}

function change(sql: string, ...values: (string | number)[]): void {
  using database = new Database(join(larder.dataFolder, "larder.db"));
  database.run("PRAGMA busy_timeout = 5000");
  database.run("PRAGMA foreign_keys = ON");
  database.run("PRAGMA busy_timeout = 5000");
  database.run(sql, values);
}

/** A user who is a member of two teams, with a token for both, and a CI job's token. */
async function createPeople() {
  await createTeam(larder, "web");
  const database = openDataFolder(larder.dataFolder);
  try {
    const user = await new Users(database, root).create({ email: "ann@example.org" });
    const tokens = new Tokens(database, serverActor);
    const teams = (await json("team", "list")) as { id: string; slug: string }[];
    for (const { id } of teams) await new Members(database, root).set(id, user.id, "member");
    const anns = await tokens.create({ userId: user.id, name: "laptop", permission: "write" });
    const job = await tokens.create({
      teamId: teams[0]?.id as string,
      name: "job",
      permission: "write",
      exchange: { policyId: "pol_0123456789abcdef", claims: { repository: "o/r" } },
    });
    return { anns, job, userId: user.id };
  } finally {
    await database.close();
  }
}

describe("larder purge --written-by", () => {
  test("takes what a token, a user, a policy or the environment wrote out of all teams, and only that", async () => {
    const { anns, job, userId } = await createPeople();
    await put(anns.secret, "a", "web");
    await put(anns.secret, "a", "default");
    await put(job.secret, "j");
    await put("environments-own-secret", "e");
    await put(larder.firstToken, "f");
    const others = ["default/e", "default/f", "default/j"];
    for (const writer of [anns.id, anns.secret, "Ann@example.org", userId])
      expect(await json("purge", "--written-by", writer, "--dry-run")).toMatchObject({ artifacts: 2 });
    expect(await json("purge", "--written-by", "ann@example.org", "--team", "web")).toMatchObject({
      artifacts: 1,
    });
    expect(kept()).toEqual(["default/a", ...others]);
    expect(await json("purge", "--written-by", "pol_0123456789abcdef")).toMatchObject({ artifacts: 1 });
    expect(kept()).toEqual(["default/a", "default/e", "default/f"]);
    expect(await cliOutput(larder, "purge", "--written-by", "TURBO_TOKEN")).toStartWith(
      "Purged 1 artifact of all teams; freed ",
    );
    expect(kept()).toEqual(["default/a", "default/f"]);

    const rows = await json("audit", "--kind", "artifact.purge");
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      actorKind: "command",
      teamId: null,
      details: { artifacts: 1, writtenBy: null },
    });
    expect(rows[2]).toMatchObject({
      teamId: expect.stringMatching(/^team_/),
      details: { writtenBy: [anns.id] },
    });
  });

  test("knows tokens that have expired or are gone, and users and policies that had them", async () => {
    const { anns, job, userId } = await createPeople();
    const expired = await createToken(larder, "web", "write", "--expires", "90d");
    await put(expired.token, "x");
    await put(anns.secret, "a", "web");
    await put(job.secret, "j");
    change("UPDATE tokens SET expires_at = 1 WHERE id = ?", expired.id);
    change("DELETE FROM users WHERE id = ?", userId);
    change("DELETE FROM tokens WHERE id = ?", job.id);
    expect(kept()).toEqual(["default/j", "web/a", "web/x"]);
    expect(await json("purge", "--written-by", expired.id, "--dry-run")).toMatchObject({ artifacts: 1 });
    expect(await json("purge", "--written-by", expired.token)).toMatchObject({ artifacts: 1 });
    expect(await json("purge", "--written-by", anns.id, "--dry-run")).toMatchObject({ artifacts: 1 });
    expect(await json("purge", "--written-by", "ann@example.org")).toMatchObject({ artifacts: 1 });
    expect(await json("purge", "--written-by", job.id, "--dry-run")).toMatchObject({ artifacts: 1 });
    expect(await json("purge", "--written-by", "pol_0123456789abcdef")).toMatchObject({ artifacts: 1 });
    expect(kept()).toEqual([]);
  });

  test("refuses whom it does not know, a name without a team, and all of everybody", async () => {
    await put(larder.firstToken, "f");
    for (const [writer, said] of [
      ["tok_0123456789abcdef", "no such token"],
      ["pol_unknown", "No token has been got under a policy"],
      ["nobody@example.org", 'no user "nobody@example.org"'],
    ]) {
      const { stderr, exitCode } = await larder.cli("purge", "--written-by", writer as string);
      expect({ stderr, exitCode }).toEqual({ stderr: expect.stringContaining(said as string), exitCode: 1 });
    }
    for (const args of [
      ["--written-by", "first start"],
      ["--yes"],
      ["--scope", "pr-1"],
      ["--written-after", "1h"],
    ]) {
      const { stderr, exitCode } = await larder.cli("purge", ...args);
      expect({ stderr, exitCode }).toEqual({ stderr: expect.stringContaining("--team"), exitCode: 2 });
    }
    expect(kept()).toEqual(["default/f"]);
  });
});

test("narrows by scope and by when it was written, and --dry-run only says so", async () => {
  for (const hash of ["old", "middle", "new", "scoped"]) await put(larder.firstToken, hash);
  const hour = 3_600_000;
  const now = Date.now();
  change("UPDATE artifacts SET created_at = ? WHERE hash = 'old'", now - 10 * hour);
  change("UPDATE artifacts SET created_at = ? WHERE hash = 'middle'", now - 5 * hour);
  change("UPDATE artifacts SET scope = 'pr-1' WHERE hash = 'scoped'");
  const purge = (...args: string[]) => json("purge", "--team", "default", ...args);

  expect(await purge("--dry-run")).toMatchObject({ dryRun: true, artifacts: 4, freed: { blobs: 4 } });
  const shown = await cliOutput(larder, "purge", "--team", "default", "--written-before", "7h", "--dry-run");
  expect(shown).toBe("Would purge 1 artifact of team default, and free 12B.\n");
  const range = ["--written-after", "6h", "--written-before", new Date(now - 4 * hour).toISOString()];
  expect(await purge(...range, "--dry-run")).toMatchObject({ artifacts: 1 });
  expect(kept()).toHaveLength(4);

  expect(await purge(...range)).toMatchObject({ artifacts: 1 });
  expect(kept()).toEqual(["default/new", "default/old", "default/scoped"]);
  expect(await purge("--scope", "pr-1")).toMatchObject({ artifacts: 1 });
  expect(await purge("--scope", "", "--written-after", "1h")).toMatchObject({ artifacts: 1 });
  expect(kept()).toEqual(["default/old"]);
});

test("a hash or scope that no artifact has is said, so that a typo does not look as if there were nothing", async () => {
  await put(larder.firstToken, "a");
  const said = async (...args: string[]) => {
    const { stdout, stderr, exitCode } = await larder.cli("purge", "--json", ...args);
    expect([JSON.parse(stdout), exitCode]).toEqual([expect.objectContaining({ artifacts: 0 }), 0]);
    return stderr;
  };
  const ofTeam = ["--team", "default"];
  expect(await said(...ofTeam, "--hash", "b")).toBe("No artifact of the team has this hash.\n");
  expect(await said(...ofTeam, "--scope", "pr-1", "--dry-run")).toBe(
    "No artifact of the team is in this scope.\n",
  );
  expect(await said(...ofTeam, "--hash", "a", "--written-before", "1h")).toBe("");
  const { id } = await createToken(larder, "default");
  expect(await said("--written-by", id, "--hash", "a")).toBe(
    "None of that writer's artifacts has this hash.\n",
  );
  expect(kept()).toEqual(["default/a"]);
});

test("a span without time in it is refused", async () => {
  const span = ["--written-after", "1h", "--written-before", "2h"];
  const { stderr, exitCode } = await larder.cli("purge", "--team", "default", ...span);
  expect([stderr, exitCode]).toEqual([expect.stringContaining("Change one of them."), 2]);
});

test("a dry run counts only the bytes that nobody else holds", async () => {
  const web = await createTeam(larder, "web");
  const client = new TurboClient(larder.url, web.token);
  await client.put("a", "shared");
  await client.put("b", "shared");
  await client.put("c", "own bytes");
  await new TurboClient(larder.url, "environments-own-secret").put("e", "shared");
  const asked = ["--written-by", web.id];
  const would = await json("purge", ...asked, "--dry-run");
  expect(would).toEqual({ dryRun: true, artifacts: 3, freed: { blobs: 1, sizeBytes: 9 } });
  expect(await json("purge", ...asked)).toEqual({ artifacts: would.artifacts, freed: would.freed });
});

test("a purge of many is one row, which tells how many went", async () => {
  await Promise.all(Array.from({ length: 250 }, (_, index) => put(larder.firstToken, `h${index}`)));
  await cliOutput(larder, "purge", "--team", "default", "--yes");
  const rows = await json("audit", "--kind", "artifact.purge");
  expect(rows).toHaveLength(1);
  expect(rows[0].details).toEqual({ artifacts: 250 });
});

test("revoking with --purge ends a token and all that it wrote at once, while it uploads", async () => {
  const leaked = await createToken(larder, "default", "write", "--name", "leaked");
  await put(larder.firstToken, "own");
  let isOver = false;
  const uploads = Array.from({ length: 4 }, async (_, worker) => {
    const client = new TurboClient(larder.url, leaked.token);
    for (let index = 0; !isOver; index++) {
      if ((await client.put(`w${worker}-${index}`, `${worker} ${index}`)).status === 401) return;
    }
  });
  // Each has one, and goes on.
  while (kept().length < 20) await fetch(`${larder.url}/health/live`);
  const result = await json("token", "revoke", leaked.id, "--purge");
  isOver = true;
  await Promise.all(uploads);
  expect(result).toMatchObject({ id: leaked.id, revokedAt: expect.any(String), artifacts: 0 });
  expect(result.purged.artifacts).toBeGreaterThanOrEqual(19);
  expect(kept()).toEqual(["default/own"]);
  // Again is fine.
  expect(await cliOutput(larder, "token", "revoke", leaked.id, "--purge")).toEndWith(
    "Purged 0 artifacts; freed 0B.\n",
  );
});

test("token list and show tell the last use, who made it, and how much of what it wrote is kept", async () => {
  const { id, token } = await createToken(larder, "default", "write", "--name", "ci");
  for (const hash of ["a", "b", "c"]) await put(token, hash);
  await cliOutput(larder, "purge", "--team", "default", "--hash", "a");
  await larder.stop();
  const listed = ((await json("token", "list")) as { id: string }[]).find((one) => one.id === id);
  expect(listed).toMatchObject({
    artifacts: 2,
    scope: "",
    user: null,
    createdBy: expect.stringMatching(/^command ./),
    lastUsedAt: expect.stringMatching(/Z$/),
  });
  expect(await json("token", "show", "ci", "--team", "default")).toEqual(listed);
  const table = await cliOutput(larder, "token", "show", id);
  expect(table).toMatch(/Artifacts +2\n/);
  const revoked = await larder.cli("token", "revoke", id);
  expect(revoked.stderr).toBe(
    `2 artifacts that it wrote stay. \`larder purge --written-by ${id}\` takes them out.\n`,
  );
});
