import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import type { ApiClient } from "./api-client.ts";
import { openWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.admin.ok("POST", "/teams", { slug: "web" });
});
afterAll(async () => await world?.[Symbol.asyncDispose]());

/** Sends a request but for the end of its body, once the server has taken in what there is of it. */
async function begin(client: ApiClient, method: string, path: string, body: unknown) {
  const { hostname, port, host } = new URL(world.larder.url);
  const text = JSON.stringify(body);
  const headers = { host, ...client.sent, "content-length": String(text.length), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (data) => (answer += data));
  const ended = new Promise<void>((resolve, reject) => socket.on("close", resolve).on("error", reject));
  const head = `${method} /api/v1${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  await new Promise<void>((resolve) => socket.write(head + text.slice(0, 1), () => resolve()));
  // What comes after it is answered after it has been let in.
  for (let request = 0; request < 3; request++) await client.get("/me");
  return {
    async end(): Promise<{ status: number; text: string }> {
      socket.write(text.slice(1));
      await ended;
      return { status: Number(answer.slice(9, 12)), text: answer };
    },
  };
}

test("whoever is disabled while his request's body is on its way changes nothing more", async () => {
  const owner = await world.signIn("disabled", { web: "owner" });
  const before = await world.admin.get("/tokens?team=web");
  const [mint, change] = [
    await begin(owner, "POST", "/tokens", { team: "web", name: "late", permission: "admin" }),
    await begin(owner, "PATCH", "/teams/web", { anonymousRead: true }),
  ];
  await world.admin.ok("PATCH", "/users/disabled@example.org", { state: "disabled" });
  expect([(await mint.end()).status, (await change.end()).status]).toEqual([401, 401]);
  expect(await world.admin.get("/tokens?team=web")).toEqual(before);
  expect((await world.admin.get("/teams/web")).anonymousRead).toBe(false);
});

test("whoever is taken out of a team meanwhile does nothing more there", async () => {
  const owner = await world.signIn("former", { web: "owner" });
  const member = "/teams/web/members/former@example.org";
  const requests = [
    await begin(owner, "PUT", member, { role: "owner" }),
    await begin(owner, "PATCH", "/teams/web", { anonymousRead: true }),
    await begin(owner, "POST", "/tokens", { team: "web", name: "late", permission: "admin" }),
  ];
  await world.admin.ok("DELETE", member);
  const answers = await Promise.all(requests.map((one) => one.end()));
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  expect((await owner.get("/me")).teams).toEqual([]);
});

test("an administrator who is made a member meanwhile does not make himself one again, nor anybody else", async () => {
  const demoted = await world.signIn("demoted", {});
  const user = "/users/demoted@example.org";
  await world.admin.ok("PATCH", user, { role: "admin" });
  const requests = [
    await begin(demoted, "PATCH", user, { role: "admin" }),
    await begin(demoted, "POST", "/users", { email: "door@example.org", role: "admin" }),
  ];
  await world.admin.ok("PATCH", user, { role: "member" });
  const answers = await Promise.all(requests.map((one) => one.end()));
  expect(answers.map(({ status }) => status)).toEqual([403, 403]);
  expect((await world.admin.get(user)).role).toBe("member");
  expect((await world.admin.send("GET", "/users/door@example.org")).status).toBe(404);
});

test("a token that is revoked meanwhile makes no other", async () => {
  const wish = { team: "web", name: "leaked", permission: "admin" };
  const { secret, id } = await world.admin.ok("POST", "/tokens", wish);
  const mint = await begin(world.bearer(secret), "POST", "/tokens", { ...wish, name: "child" });
  await world.admin.ok("DELETE", `/tokens/${id}`);
  const { status, text } = await mint.end();
  expect(status).toBe(401);
  expect(text).not.toContain("lrd_");
});

test("a request whose body comes late is counted once", async () => {
  await using limited = await openWorld({ args: ["--max-requests-per-minute", "20"] });
  const wish = { name: "x", permission: "read", team: "default" };
  const { secret } = await limited.admin.ok("POST", "/tokens", wish);
  const client = limited.bearer(secret);
  const statuses = [];
  for (let request = 0; request < 12; request++)
    statuses.push((await client.send("POST", "/tokens", { ...wish, team: "default" })).status);
  expect(new Set(statuses)).toEqual(new Set([403]));
});
