import { describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import fc from "fast-check";
import {
  runs,
  usageDays,
  usageHours,
  usageMonths,
  usageTeamDays,
  usageTeamHours,
} from "../../src/database/schema.ts";
import { openTestIdentity } from "./test-identity.ts";

const noArtifacts = async () => {};

describe("teams", () => {
  test("have an id that clients send, and are found by it and by their slug", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web", name: "Web team" });
    expect(team).toMatchObject({ slug: "web", name: "Web team", state: "enabled", overwrite: "allow" });
    expect(team.id).toMatch(/^team_[0-9A-Za-z]{24}$/);
    expect(await t.teams.get("web")).toEqual(team);
    expect(await t.teams.get(team.id)).toEqual(team);
  });

  test.each(["", "A", "a b", "-a", "a-", "team_x", "a/b", "..", "é", "x".repeat(65)])(
    "cannot have the slug %p",
    async (slug) => {
      await using t = openTestIdentity();
      expect(await t.teams.create({ slug }).catch((error) => error)).toMatchObject({ code: "bad_request" });
      expect(await t.teams.list()).toEqual([]);
    },
  );

  test("can have any slug of lower-case letters, digits and inner dashes", async () => {
    await using t = openTestIdentity();
    const slug = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/);
    await fc.assert(
      fc.asyncProperty(slug, async (one) => {
        if (await t.teams.find(one)) return;
        expect((await t.teams.create({ slug: one })).slug).toBe(one);
      }),
      { numRuns: 30 },
    );
  });

  test("never share a slug", async () => {
    await using t = openTestIdentity();
    await t.teams.create({ slug: "web" });
    await t.teams.create({ slug: "api" });
    expect(await t.beside.teams.create({ slug: "web" }).catch((error) => error)).toMatchObject({
      code: "conflict",
    });
    expect(await t.teams.set("api", { slug: "web" }).catch((error) => error)).toMatchObject({
      code: "conflict",
    });
  });

  test("change what is named and keep the rest", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    expect(await t.teams.set("web", { state: "paused" })).toEqual({ ...team, state: "paused" });
    expect(await t.teams.set("web", {})).toEqual({ ...team, state: "paused" });
    expect(await t.teams.set(team.id, { slug: "site", overwrite: "never" })).toMatchObject({
      id: team.id,
      slug: "site",
      state: "paused",
      overwrite: "never",
    });
    expect(await t.teams.find("web")).toBeUndefined();
  });

  test("go with their tokens", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    await t.tokens.create({ teamId: team.id, name: "ci", permission: "write" });
    await t.teams.delete("web", noArtifacts);
    expect(await t.teams.list()).toEqual([]);
    expect(await t.tokens.list()).toEqual([]);
    expect(await t.teams.delete("web", noArtifacts).catch((error) => error)).toMatchObject({
      code: "not_found",
    });
  });

  test("stay whole when their artifacts cannot be taken out", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const refuse = () => Promise.reject(new Error("no"));
    expect(await t.teams.delete("web", refuse).catch((error) => error.message)).toBe("no");
    expect(await t.teams.get("web")).toEqual(team);
  });

  test("called default stay, under that slug", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.ensureDefault();
    expect(await t.teams.ensureDefault()).toEqual(team);
    expect(await t.teams.delete("default", noArtifacts).catch((error) => error)).toMatchObject({
      code: "conflict",
    });
    expect(await t.teams.set("default", { slug: "main" }).catch((error) => error)).toMatchObject({
      code: "conflict",
    });
    expect(await t.teams.set("default", { name: "Everybody" })).toMatchObject({ name: "Everybody" });
  });
});

test("a team with very many runs, sums and tokens goes some rows at a time, and no other's go with it", async () => {
  await using t = openTestIdentity();
  const [team, other] = [await t.teams.create({ slug: "web" }), await t.teams.create({ slug: "app" })];
  const origin = { originKind: "token" as const, originId: "t", tool: "turbo" };
  const hourMs = 3_600_000;
  const sums = [usageHours, usageDays, usageMonths, usageTeamHours, usageTeamDays];
  await t.database.write(async (tx) => {
    for (const { id: teamId } of [team, other]) {
      for (let count = 0; count < 2_500; count++) {
        await tx.insert(runs).values({
          ...origin,
          teamId,
          tokenId: "t",
          actorName: "ci",
          scope: "",
          startedAt: 1,
          lastEventAt: 1,
        });
      }
      for (let count = 0; count < 60; count++) {
        for (const table of sums)
          await tx.insert(table).values({ ...origin, teamId, startAt: count * hourMs });
      }
    }
  });
  const rowsLeft: number[] = [];
  await t.teams.delete(team.id, async (tx) => {
    for (const table of [runs, ...sums]) rowsLeft.push(await tx.$count(table, eq(table.teamId, team.id)));
  });
  expect(rowsLeft).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await t.database.read.$count(runs)).toBe(2_500);
  for (const table of sums) expect(await t.database.read.$count(table)).toBe(60);
});
