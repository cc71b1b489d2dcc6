import { expect, test } from "bun:test";
import { pino } from "pino";
import { type Actor, recordAudit, serverActor } from "../../src/audit/audit-log.ts";
import { expireAudit } from "../../src/audit/expire-audit.ts";
import { UploadLog } from "../../src/audit/upload-log.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { openTestAudit } from "./test-audit.ts";

const upload = {
  teamId: "team_1",
  tool: "turbo",
  scope: "",
  hash: "a",
  sha256: "ab".repeat(32),
  sizeBytes: 5,
};
const environment: Actor = { kind: "token", id: null, name: "TURBO_TOKEN", address: "192.0.2.1" };

function openLog(t: ReturnType<typeof openTestAudit>, limit?: number) {
  const logged: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  return { uploads: new UploadLog(t.database, log, limit), logged };
}

test("an upload is written down with what it was, and what is known of its token", async () => {
  await using t = openTestAudit();
  const { uploads } = openLog(t);
  const team = await new Teams(t.database, serverActor).ensureDefault();
  const user = await new Users(t.database, serverActor).create({ email: "ann@example.org" });
  const tokens = new Tokens(t.database, serverActor);
  const claims = {
    sub: "repo:o/r:ref:refs/heads/main",
    repository: "o/r",
    run_id: "7",
    workflow: "x".repeat(5_000),
  };
  const ofUser = await tokens.create({ userId: user.id, name: "laptop", permission: "write" });
  const ofJob = await tokens.create({
    teamId: team.id,
    name: "job",
    permission: "write",
    scope: "pr-1",
    exchange: { policyId: "pol_1", claims },
  });
  for (const by of [environment, ...[ofUser, ofJob].map(({ id, name }) => ({ ...environment, id, name }))])
    await t.database.write((tx) =>
      uploads.record(tx, by, { ...upload, scope: by.name === "job" ? "pr-1" : "" }),
    );

  const rows = (await t.rows()).filter(({ kind }) => kind === "artifact.write");
  const facts = { tool: "turbo", scope: "", sha256: upload.sha256, sizeBytes: 5 };
  expect(
    rows.map(({ actorId, actorName, address, target, teamId }) => [
      actorId,
      actorName,
      address,
      target,
      teamId,
    ]),
  ).toEqual([
    [null, "TURBO_TOKEN", "192.0.2.1", "a", "team_1"],
    [ofUser.id, "laptop", "192.0.2.1", "a", "team_1"],
    [ofJob.id, "job", "192.0.2.1", "a", "team_1"],
  ]);
  expect(rows[0]?.details).toEqual(facts);
  expect(rows[1]?.details).toEqual({ ...facts, user: "ann@example.org" });
  expect(rows[2]?.details).toMatchObject({
    ...facts,
    scope: "pr-1",
    policyId: "pol_1",
    claims: { sub: claims.sub, repository: "o/r", run_id: "7" },
  });
  expect(JSON.stringify(rows[2]?.details).length).toBeLessThan(1_200);
});

async function upload20(t: ReturnType<typeof openTestAudit>, uploads: UploadLog, round: number) {
  const record = (index: number) =>
    t.database.write((tx) => uploads.record(tx, environment, { ...upload, hash: `h${round * 20 + index}` }));
  await Promise.all(Array.from({ length: 20 }, (_, index) => record(index)));
}

test("beyond the limit the oldest uploads go, with a line in the log, and nothing else does", async () => {
  await using t = openTestAudit();
  const { uploads, logged } = openLog(t, 100);
  await t.database.write((tx) => recordAudit(tx, environment, { kind: "token.create", target: "first" }));
  for (let round = 0; round < 20; round++) {
    await upload20(t, uploads, round);
    await uploads.trim();
    // One more than the uploads.
    expect((await t.rows()).length).toBeLessThanOrEqual(1 + 100);
    expect((await t.rows()).length).toBeGreaterThanOrEqual(1 + Math.min((round + 1) * 20, 95));
  }
  const rows = await t.rows();
  expect(rows[0]?.target).toBe("first");
  expect(rows.slice(1).map(({ target }) => target)).toEqual(
    Array.from({ length: rows.length - 1 }, (_, index) => `h${400 - (rows.length - 1) + index}`),
  );
  expect(logged.reduce((total, line) => total + (line.removed as number), 0)).toBe(400 - (rows.length - 1));
});

test("rows that were there before count, and those that have expired do not", async () => {
  await using t = openTestAudit();
  for (let index = 0; index < 30; index++)
    await t.database.write((tx) =>
      recordAudit(tx, environment, { kind: "artifact.write", target: `old${index}` }),
    );
  const { uploads, logged } = openLog(t, 20);
  await uploads.trim();
  expect((await t.rows()).map(({ target }) => target)).toEqual(
    Array.from({ length: 19 }, (_, index) => `old${11 + index}`),
  );
  // As the hourly job does, beside it.
  await expireAudit(t.database, { uploadMaxAgeMs: -1, maxAgeMs: undefined });
  await upload20(t, uploads, 0);
  await uploads.trim();
  expect(await t.rows()).toHaveLength(20);
  expect(logged).toHaveLength(1);
});

test("rows are counted once, and again only when there may be too many", async () => {
  await using t = openTestAudit();
  const { uploads } = openLog(t, 100);
  let reads = 0;
  const { read } = t.database;
  const counted = () => {
    reads++;
    return read;
  };
  Object.defineProperty(t.database, "read", { get: counted });
  await uploads.trim();
  for (let round = 0; round < 5; round++) {
    await upload20(t, uploads, round);
    await uploads.trim();
  }
  expect(reads).toBe(1);
  await upload20(t, uploads, 5);
  await uploads.trim();
  expect(reads).toBe(2);
});

test("whoever asks a trim to end is heard before the next step", async () => {
  await using t = openTestAudit();
  const { uploads } = openLog(t, 10);
  await upload20(t, uploads, 0);
  await uploads.trim(AbortSignal.abort());
  expect(await t.rows()).toHaveLength(20);
  await uploads.trim();
  expect(await t.rows()).toHaveLength(10);
});
