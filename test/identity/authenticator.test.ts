import { expect, test } from "bun:test";
import { openTestIdentity } from "./test-identity.ts";

test("a new token counts at once, and nobody forgets others for it", async () => {
  await using t = openTestIdentity();
  const team = await t.teams.ensureDefault();
  const known = await t.tokens.create({ teamId: team.id, name: "known", permission: "read" });
  const credential = await t.authenticator.authenticate(known.secret);
  expect(credential).toMatchObject({ name: "known" });
  for (const tokens of [t.tokens, t.beside.tokens]) {
    const before = t.database.identityVersion();
    const added = await tokens.create({ teamId: team.id, name: "new", permission: "write" });
    expect(await t.authenticator.authenticate(added.secret)).toMatchObject({ name: "new" });
    expect(t.database.identityVersion()).toBe(before);
    // The very same, so it was not looked up again.
    expect(await t.authenticator.authenticate(known.secret)).toBe(credential as never);
  }
});
