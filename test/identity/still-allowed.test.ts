import { describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { serverActor } from "../../src/audit/audit-log.ts";
import { tokens } from "../../src/database/schema.ts";
import { expiredUploadGraceMs, requireStillAllowed } from "../../src/identity/access.ts";
import { Policies, type Policy } from "../../src/identity/policies.ts";
import type { Principal } from "../../src/identity/principal.ts";
import { openTestIdentity } from "./test-identity.ts";
import { goodPolicy } from "./test-policy.ts";

/** A job's upload under way: its token, and what becomes of it when it is to be kept. */
async function startUpload() {
  const t = openTestIdentity();
  const team = await t.teams.create({ slug: "web" });
  const policies = new Policies(t.database, serverActor);
  const [policy] = (await policies.create({ ...goodPolicy, teamId: team.id })) as [Policy];
  const { id, secret } = await t.tokens.create({
    teamId: team.id,
    name: "job",
    permission: "write",
    expiresAt: Date.now() + 60_000,
    exchange: { policyId: policy.id, claims: {} },
  });
  const principal = (await t.authenticator.authenticate(secret))?.principals[0] as Principal;
  return {
    deletePolicy: () => policies.delete(policy.id),
    expireBefore: (ms: number) =>
      t.database.write(async (tx) => {
        await tx
          .update(tokens)
          .set({ expiresAt: Date.now() - ms })
          .where(eq(tokens.id, id));
      }),
    outcome: () =>
      t.database
        .write((tx) => requireStillAllowed(tx, principal))
        .then(
          () => "kept",
          (error) => `${error.code}: ${error.message}`,
        ),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

describe("an upload that began in time", () => {
  test("is kept after its token's expiry for the grace, and not a moment longer", async () => {
    await using upload = await startUpload();
    expect(await upload.outcome()).toBe("kept");
    await upload.expireBefore(expiredUploadGraceMs - 30_000);
    expect(await upload.outcome()).toBe("kept");
    await upload.expireBefore(expiredUploadGraceMs);
    expect(await upload.outcome()).toStartWith("unauthorized: This token expired while");
  });

  test.each([
    ["valid", -60_000, 1],
    ["expired", 60_000, 0],
  ])("is not kept when its policy was deleted, though its token is %s", async (_, expiredMs, counted) => {
    await using upload = await startUpload();
    await upload.expireBefore(expiredMs);
    expect((await upload.deletePolicy()).revokedTokens).toBe(counted);
    expect(await upload.outcome()).toBe("unauthorized: This token has been revoked.");
  });
});
