import { expect, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { ApiClient } from "./api-client.ts";
import { openWorld } from "./world.ts";

interface Schema {
  properties?: Record<string, Schema>;
  [more: string]: unknown;
}

/** Every object in a schema, with where it stands. */
function objectsIn(schema: unknown, place: string): [place: string, properties: Record<string, Schema>][] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties } = schema as Schema;
  const deeper = Object.entries(schema).flatMap(([name, part]) => objectsIn(part, `${place}.${name}`));
  return typeof properties === "object" ? [[place, properties], ...deeper] : deeper;
}

test("whatever belongs to a team names it by `team` and `teamId`, in every answer", async () => {
  await using world = await openWorld();
  const objects = Object.entries(world.description.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      objectsIn(responses, `${method.toUpperCase()} ${path}`),
    ),
  );
  // An overview's figures of a team are no name.
  const isName = (schema: unknown) => schema !== undefined && !JSON.stringify(schema).includes('"object"');
  const named = objects.filter(([, { team }]) => isName(team));
  expect(named.length).toBeGreaterThan(10);
  const wrong = objects.filter(
    ([place, properties]) =>
      "teamSlug" in properties ||
      // A team itself has an id and a slug.
      ("slug" in properties && !("id" in properties)) ||
      // The log of what was done outlives teams, and their slugs.
      ("teamId" in properties && !("team" in properties) && !place.startsWith("GET /api/v1/audit.")),
  );
  expect(wrong.map(([place]) => place)).toEqual([]);
  expect(named.filter(([, properties]) => !("teamId" in properties)).map(([place]) => place)).toEqual([]);
});

test("a notice about a team names it, and so do the figures of teams and of the storage", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const { id: teamId } = await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("PATCH", "/teams/web", { state: "disabled" });
  const { notices } = await admin.get("/overview");
  expect(notices).toContainEqual(expect.objectContaining({ code: "team_not_enabled", team: "web", teamId }));
  expect((await admin.get("/storage")).teams).toContainEqual(
    expect.objectContaining({ team: "web", teamId, artifacts: 0 }),
  );
});

test("a notice stays with its team when another takes its slug, before and after a restart", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  const { id: teamId } = await admin.ok("POST", "/teams", { slug: "red" });
  await admin.ok("PATCH", "/teams/red", { quotaBytes: 10 });
  const { secret } = await admin.ok("POST", "/tokens", {
    team: "red",
    name: "ci",
    permission: "write",
  });
  const answer = await new TurboClient(larder.url, secret, "/v8", "?slug=red").put("a", "x".repeat(20));
  expect(answer.status).toBe(413);
  await admin.ok("PATCH", "/teams/red", { slug: "red2" });
  await admin.ok("POST", "/teams", { slug: "red" });
  const ofNew = await world.signIn("nora", { red: "viewer" });
  const ofOld = await world.signIn("olga", { red2: "viewer" });

  const told = (team: string) => ({
    team,
    teamId,
    message: expect.stringContaining(`1 upload of team ${team} was refused`),
  });
  const noticesOf = async (client: ApiClient) => (await client.get("/overview")).notices;
  expect(await noticesOf(ofNew)).toEqual([]);
  expect(await noticesOf(ofOld)).toMatchObject([{ code: "refused_larger_than_quota", ...told("red2") }]);

  expect(await larder.stop()).toBe(0);
  await using restarted = await startLarder({ dataFolder: larder.dataFolder });
  const again = ({ sent }: ApiClient) =>
    new ApiClient(restarted.url, world.description, { ...sent, origin: new URL(restarted.url).origin });
  await again(admin).ok("PATCH", "/teams/red2", { slug: "red3" });
  await again(admin).ok("PATCH", "/teams/red", { slug: "red2" });
  expect(await noticesOf(again(ofNew))).toEqual([]);
  expect(await noticesOf(again(ofOld))).toMatchObject([{ code: "refused_uploads", ...told("red3") }]);
});
