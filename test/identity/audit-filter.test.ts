import { Database as Sqlite } from "bun:sqlite";
import { expect, test } from "bun:test";
import { AuditLog, recordAudit, serverActor } from "../../src/audit/audit-log.ts";
import { auditFilter } from "../../src/identity/audit-filter.ts";
import { openTestIdentity } from "./test-identity.ts";

test("what the tokens of a policy did is found, however many it gave out", async () => {
  await using t = openTestIdentity();
  const team = await t.teams.ensureDefault();
  const sqlite = new Sqlite(t.path);
  sqlite.run(
    `WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 100000)
     INSERT INTO tokens (id, team_id, name, secret_sha256, permission, policy_id, created_at)
     SELECT 'tok_' || value, ?, 'job', value, 'write', 'pol_many', 1 FROM numbers`,
    [team.id],
  );
  sqlite.close();
  await t.database.write(async (tx) => {
    for (const id of ["tok_1", "tok_100000", "tok_100001"]) {
      const by = { ...serverActor, kind: "token" as const, id, name: "job" };
      await recordAudit(tx, by, { kind: "artifact.write", teamId: team.id });
    }
  });
  const filter = await auditFilter({ actor: "pol_many" }, t.database, t.teams);
  const { items } = await new AuditLog(t.database).list(filter);
  expect(items.map(({ actorId }) => actorId)).toEqual(["tok_100000", "tok_1"]);
});
