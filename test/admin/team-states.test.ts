import { expect, test } from "bun:test";
import { openWorld } from "./world.ts";

const codes = {
  disabled: [403, "team_disabled"],
  over_limit: [403, "team_over_limit"],
  paused: [403, "team_paused"],
  blocked: [402, "team_blocked"],
} as const;

test("the bytes of a team that is not enabled are given to nobody, as its clients do not get them", async () => {
  await using world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  const { secret } = await admin.ok("POST", "/tokens", { team: "web", name: "ci", permission: "write" });
  await world.upload(secret, "web", "abc1", "bytes");
  const viewer = await world.signIn("viewer", { web: "viewer" });
  const [{ id }] = await admin.all("/artifacts?team=web");
  for (const [state, expected] of Object.entries(codes)) {
    await admin.ok("PATCH", "/teams/web", { state });
    for (const client of [admin, viewer, world.bearer(secret)]) {
      const { status, json } = await client.send("GET", `/artifacts/${id}/content`);
      expect([status, json.code]).toEqual([...expected]);
      expect((await client.get(`/artifacts/${id}`)).hash).toBe("abc1");
    }
  }
  await admin.ok("PATCH", "/teams/web", { state: "enabled" });
  expect((await viewer.send("GET", `/artifacts/${id}/content`)).text).toBe("bytes");
});

test("a blocked team gets no new tokens and policies, until it is none any more", async () => {
  await using world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  const owner = await world.signIn("owner", { web: "owner" });
  const token = { team: "web", name: "new", permission: "read" };
  const policy = { team: "web", provider: "github", repository: "acme/web" };
  await admin.ok("PATCH", "/teams/web", { state: "blocked" });
  for (const [path, body] of [
    ["/tokens", token],
    ["/policies", policy],
  ] as const) {
    const { status, json } = await owner.send("POST", path, body);
    expect([status, json.code]).toEqual([...codes.blocked]);
    expect((await owner.get(`${path}?team=web`)).items).toEqual([]);
  }
  await admin.ok("PATCH", "/teams/web", { state: "paused" });
  await owner.ok("POST", "/tokens", token);
  await owner.ok("POST", "/policies", policy);
});
