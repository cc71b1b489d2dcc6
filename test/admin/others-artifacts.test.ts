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
