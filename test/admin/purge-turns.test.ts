import { expect, test } from "bun:test";
import { fill } from "../cache/many-artifacts.ts";
import { openWorld } from "./world.ts";

test("purges of a team and their dry runs wait for each other, and nobody else's wait with them", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const team = await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("POST", "/teams", { slug: "app" });
  fill({ folder: world.larder.dataFolder, team }, 20_000);
  const ofWeb = await world.signIn("eve", { web: "owner" });
  const ofApp = await world.signIn("bob", { app: "owner" });
  const { id } = await ofWeb.ok("POST", "/tokens", { team: "web", name: "ci", permission: "write" });
  const dryRun = { hash: "none", dryRun: true };
  for (const ask of [
    () => ofWeb.send("POST", "/purge", { team: "web", ...dryRun }),
    () => ofWeb.send("DELETE", `/tokens/${id}?purge=true`),
  ]) {
    // More than twice as many as may be under way or wait.
    const asked = Array.from({ length: 120 }, ask);
    expect((await ofApp.send("POST", "/purge", { team: "app", ...dryRun })).status).toBe(200);
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect([...new Set(statuses)].sort()).toEqual([200, 429]);
  }
  // What was refused has been revoked all the same.
  expect((await ofWeb.get(`/tokens/${id}`)).revokedAt).not.toBeNull();
  expect((await ofWeb.send("DELETE", `/tokens/${id}?purge=true`)).status).toBe(200);
});
