import { expect, test } from "bun:test";
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
