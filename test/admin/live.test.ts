import { expect, test } from "bun:test";
import { pino } from "pino";
import { LiveFeed, type Sight } from "../../src/admin/live-feed.ts";
import type { Notice } from "../../src/notices/notice.ts";
import type { FlushedUsage } from "../../src/usage/usage-writer.ts";
import type { ApiClient, Json } from "./api-client.ts";
import { openWorld, type World } from "./world.ts";

interface LiveEvent {
  name: string;
  data: Json;
}

/** The events of a stream, one by one; comments are `ping`. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      yield name === undefined
        ? { name: "comment", data: block.slice(2) }
        : { name, data: JSON.parse(data as string) };
    }
  }
}

async function open(world: World, client: ApiClient, path = "/live") {
  const response = await fetch(`${world.larder.url}/api/v1${path}`, { headers: client.sent });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  return eventsOf(response.body as ReadableStream<Uint8Array>);
}

async function next(events: AsyncGenerator<LiveEvent>, name: string): Promise<Json> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error(`The stream ended before ${name}.`);
    if (value.name === name) return value.data;
  }
}

test("a stream tells what happens in the teams that one may see, and nothing of others", async () => {
  await using world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("POST", "/teams", { slug: "app" });
  const secretOf = async (team: string) =>
    (await admin.ok("POST", "/tokens", { team, name: team, permission: "write" })).secret;
  const [web, app] = [await secretOf("web"), await secretOf("app")];
  const all = await open(world, admin);
  const ofWeb = await open(world, world.bearer(web));
  expect(await next(all, "notices")).toBeArray();
  await world.report(app, "app", {
    sessionId: "of-app",
    source: "LOCAL",
    event: "HIT",
    hash: "abc1",
    duration: 5,
  });
  expect(await next(all, "usage")).toEqual({});
  const [ofApp] = (await next(all, "runs")).ids;
  expect(await admin.get(`/runs/${ofApp}`)).toMatchObject({ team: "app", sessionId: "of-app", localHits: 1 });
  await world.report(web, "web", {
    sessionId: "of-web",
    source: "LOCAL",
    event: "HIT",
    hash: "abc2",
    duration: 7,
  });
  expect(await next(ofWeb, "usage")).toEqual({});
  // When it is told of, it can be asked for.
  const { ids } = await next(ofWeb, "runs");
  expect(ids).not.toContain(ofApp);
  expect(await admin.get(`/runs/${ids[0]}`)).toMatchObject({ team: "web", sessionId: "of-web" });
  expect((await admin.get("/overview?team=web")).totals).toMatchObject({ localHits: 1, savedMs: 7 });
});

test("streams that are open hold up no shutdown, and end with it", async () => {
  await using world = await openWorld({ args: ["--shutdown-timeout", "1d"] });
  const events = await open(world, world.admin);
  await next(events, "notices");
  expect(await world.larder.stop()).toBe(0);
  expect(world.larder.stderr()).not.toContain("transfers cut at shutdown");
  expect((await events.next()).done).toBe(true);
});

function openFeed(
  limits: ConstructorParameters<typeof LiveFeed>[0]["limits"],
  identityVersion: () => number = () => 1,
) {
  const listeners = new Set<(usage: FlushedUsage) => void>();
  const notices: Notice[] = [];
  const feed = new LiveFeed({
    usage: {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    notices: { current: async () => notices },
    database: { identityVersion },
    log: pino({ level: "silent" }),
    limits: { tickMs: 1, pingEveryMs: 1, lookEveryMs: 1, noticesEveryMs: 1, ...limits },
  });
  const flush = (teamId: string, runs = 1) => {
    const ids = Array.from({ length: runs }, (_, index) => index + 1);
    const usage = { teamIds: new Set([teamId]), runs: ids.map((id) => ({ id, teamId })) };
    for (const listener of listeners) listener(usage);
  };
  return { feed, listeners, notices, flush };
}

const everything: Sight = { teamIds: undefined, noticesOf: (all) => [...all] };

function watcher(owner: string, lookAgain: () => Promise<Sight | undefined> = async () => everything) {
  return { owner, sight: everything, lookAgain, keepAlive: () => {} };
}

test("so many streams there are of one caller, and so many of all, and the place of one that was left is free again", async () => {
  const { feed, listeners } = openFeed({ streams: 5, streamsOfOwner: 3, keptForAdministrators: 0 });
  const streams = [1, 2, 3].map(() => feed.open(watcher("ann")));
  expect(() => feed.open(watcher("ann"))).toThrow("Too many streams");
  for (let count = 0; count < 2; count++) feed.open(watcher(`other ${count}`));
  expect(() => feed.open(watcher("bob"))).toThrow("Too many streams");
  await streams[0]?.cancel();
  feed.open(watcher("bob"));
  expect(listeners.size).toBe(1);
  feed.close();
  expect(listeners.size).toBe(0);
  expect(() => feed.open(watcher("ann"))).toThrow("The server stops");
});

test("a team's tokens share their places, and some are kept for administrators", () => {
  const { feed } = openFeed({ streams: 5, streamsOfGroup: 2, keptForAdministrators: 2 });
  const ofTeam = (owner: string) => feed.open({ ...watcher(owner), group: "web" });
  for (const owner of ["token 1", "token 2"]) ofTeam(owner);
  expect(() => ofTeam("token 3")).toThrow("Too many streams");
  feed.open(watcher("ann"));
  expect(() => feed.open(watcher("bob"))).toThrow("Too many streams");
  for (const owner of ["admin 1", "admin 2"]) feed.open({ ...watcher(owner), isServerAdmin: true });
  expect(() => feed.open({ ...watcher("admin 3"), isServerAdmin: true })).toThrow("Too many streams");
  feed.close();
});

test("once rights have changed, a stream tells nothing before it was looked again", async () => {
  let version = 1;
  const { feed, flush } = openFeed({ tickMs: 60_000, lookEveryMs: 60_000 }, () => version);
  let sight: Sight | undefined = everything;
  const events = eventsOf(feed.open(watcher("ann", async () => sight)));
  flush("web");
  expect(await next(events, "usage")).toEqual({});
  sight = undefined;
  version++;
  flush("web");
  for (;;) {
    const { value, done } = await events.next();
    if (done) break;
    expect(value.name).not.toBe("usage");
  }
});

test("a stream shows no more than its caller may see now, and ends when that is nothing", async () => {
  const { feed, flush } = openFeed({});
  let sight: Sight | undefined = everything;
  let looks = 0;
  const events = eventsOf(
    feed.open(
      watcher("ann", async () => {
        looks++;
        return sight;
      }),
    ),
  );
  flush("web");
  expect(await next(events, "usage")).toEqual({});
  sight = { teamIds: ["app"], noticesOf: () => [] };
  // Each ping is a turn of the clock in which it is looked again.
  const seen = looks;
  while (looks < seen + 2) await next(events, "comment");
  flush("web", 3);
  flush("app", 2);
  await next(events, "usage");
  expect(await next(events, "runs")).toEqual({ ids: [1, 2] });
  sight = undefined;
  let name: string | undefined = "";
  while (name !== undefined) {
    const { value, done } = await events.next();
    name = done ? undefined : value.name;
    expect(name).not.toBe("usage");
  }
});

test("of very many runs that changed none is named", async () => {
  const { feed, flush } = openFeed({});
  const events = eventsOf(feed.open(watcher("ann")));
  flush("web", 100);
  expect((await next(events, "runs")).ids).toHaveLength(100);
  flush("web", 101);
  expect(await next(events, "runs")).toEqual({ ids: null });
  feed.close();
});

test("notices come at first and when they change", async () => {
  const { feed, notices } = openFeed({});
  const events = eventsOf(feed.open(watcher("ann")));
  expect(await next(events, "notices")).toEqual([]);
  notices.push({
    code: "disk_full",
    severity: "critical",
    title: "Full",
    message: "Full.",
    remedy: "Free some space.",
  });
  expect(await next(events, "notices")).toEqual(notices);
  feed.close();
});

test("whoever does not read is cut off before what waits fills the memory", async () => {
  const { feed, flush, listeners } = openFeed({ tickMs: 60_000 });
  feed.open(watcher("ann"));
  for (let count = 0; count < 2_000 && listeners.size > 0; count++) flush("web");
  expect(listeners.size).toBe(0);
});
