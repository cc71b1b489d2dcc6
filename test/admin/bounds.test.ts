import { expect, test } from "bun:test";
import { takenFromOutside } from "./outside.ts";
import { openWorld } from "./world.ts";

test("nothing is taken that the description says is not, in a path, a query or a body", async () => {
  await using world = await openWorld();
  await world.admin.ok("POST", "/teams", { slug: "web" });
  const { count, taken } = await takenFromOutside(world);
  expect(taken).toEqual([]);
  expect(count).toBeGreaterThan(150);
});
