import { expect, test } from "bun:test";
import { openWorld } from "./world.ts";

test("whether another team has the same bytes is told to administrators of the server only", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const secretOf = async (team: string) => {
    await admin.ok("POST", "/teams", { slug: team });
    const wish = { team, name: "ci", permission: "write" };
    return (await admin.ok("POST", "/tokens", wish)) as { id: string; secret: string };
  };
  const [ofWeb, ofApp] = [await secretOf("web"), await secretOf("app")];
  const owner = await world.signIn("owner", { web: "owner" });
  await world.upload(ofWeb.secret, "web", "abc1", "same");
  await world.upload(ofWeb.secret, "web", "abc2", "same");
  await world.upload(ofApp.secret, "app", "abc3", "same");
  await world.upload(ofWeb.secret, "web", "abc4", "own");
  const [{ id }] = await owner.all("/artifacts?hash=abc1");
  expect((await owner.get(`/artifacts/${id}`)).sharedWith).toBe(1);
  expect((await admin.get(`/artifacts/${id}`)).sharedWith).toBe(2);
  const wish = { team: "web", all: true };
  const [both, left] = [
    { blobs: 2, sizeBytes: 7 },
    { blobs: 1, sizeBytes: 3 },
  ];
  expect((await owner.ok("POST", "/purge", { ...wish, dryRun: true })).freed).toEqual(both);
  expect((await admin.ok("POST", "/purge", { ...wish, dryRun: true })).freed).toEqual(left);
  // Of two with the same bytes one stays.
  const one = { team: "web", hash: "abc1", dryRun: false };
  expect(await owner.ok("POST", "/purge", one)).toMatchObject({
    artifacts: 1,
    freed: { blobs: 0, sizeBytes: 0 },
  });
  const { purged } = await owner.ok("DELETE", `/tokens/${ofWeb.id}?purge=true`);
  expect(purged).toEqual({ artifacts: 2, freed: both });
  expect((await admin.all("/artifacts?team=app")).map(({ hash }) => hash)).toEqual(["abc3"]);
});

test("an owner does not learn from a purge who there is that has written nothing in the team", async () => {
  await using world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("POST", "/teams", { slug: "app" });
  const owner = await world.signIn("owner", { web: "owner" });
  const bob = await world.signIn("bob", { web: "member", app: "member" });
  const tokenOf = (client: typeof owner, team: string | null, name = "ci") =>
    client.ok("POST", "/tokens", { team, name, permission: "write" });
  const ofApp = await tokenOf(admin, "app");
  await world.upload(ofApp.secret, "app", "abc1", "app's");
  const bobs = await tokenOf(bob, null);
  await world.upload(bobs.secret, "web", "abc2", "bob's");
  const stranger = await admin.ok("POST", "/users", { email: "cy@example.org" });
  const dryRun = async (client: typeof owner, writtenBy: string) => {
    const { status, json } = await client.send("POST", "/purge", { team: "web", writtenBy, dryRun: true });
    return [status, json.artifacts ?? json.message];
  };
  const nobody = await dryRun(owner, "nobody@example.org");
  expect(nobody).toEqual([404, expect.stringContaining("or nothing of team web was written by it")]);
  for (const writtenBy of ["cy@example.org", stranger.id, "usr_0", ofApp.id, ofApp.secret, "tok_0", "pol_0"])
    expect([writtenBy, ...(await dryRun(owner, writtenBy))]).toEqual([writtenBy, ...nobody]);
  // Nor from a token that is called as somebody may be.
  const ofWeb = await tokenOf(owner, "web", "cy@example.org");
  for (const writtenBy of ["cy@example.org", ofWeb.id, ofWeb.secret])
    expect([writtenBy, ...(await dryRun(owner, writtenBy))]).toEqual([writtenBy, 200, 0]);
  for (const writtenBy of ["bob@example.org", bobs.id, bobs.secret])
    expect([writtenBy, ...(await dryRun(owner, writtenBy))]).toEqual([writtenBy, 200, 1]);
  expect((await dryRun(admin, "cy@example.org"))[0]).toBe(409);
  expect(await dryRun(admin, stranger.id)).toEqual([200, 0]);
});
