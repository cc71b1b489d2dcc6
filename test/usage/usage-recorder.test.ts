import { describe, expect, test } from "bun:test";
import { askerOf, clientEvent, openTestUsage } from "./test-usage.ts";

describe("a run", () => {
  test("has what the server saw and the client told of its session, and nothing else", async () => {
    await using t = await openTestUsage();
    const asker = askerOf(t.team.id);
    t.recorder.read(asker, "hit", { durationMs: 500, sizeBytes: 70 });
    t.recorder.read(asker, "miss");
    t.recorder.report(asker, "GITHUB_ACTIONS", [
      clientEvent({ source: "LOCAL", event: "HIT", hash: "local", durationMs: 40 }),
      clientEvent({ source: "LOCAL", event: "MISS", hash: "hit" }),
      clientEvent({ hash: "hit", durationMs: 999_999 }),
      clientEvent({ event: "MISS", hash: "miss" }),
      clientEvent({ event: "HIT", hash: "never asked for", durationMs: 999_999 }),
    ]);
    t.recorder.upload(asker, "miss", { durationMs: 300, sizeBytes: 20 });
    t.recorder.refusedUpload(asker, "too large", 9);
    await t.recorder.close();

    const { items } = await t.runs.list({});
    expect(items).toHaveLength(2);
    const run = items.find(({ sessionId }) => sessionId === "s");
    expect(run).toMatchObject({
      teamSlug: "default",
      tool: "turbo",
      clientCi: "GITHUB_ACTIONS",
      origin: { kind: "token", id: "tok_1", name: "ci" },
      remoteHits: 1,
      remoteMisses: 1,
      localHits: 1,
      localMisses: 1,
      remoteSavedMs: 500,
      localSavedMs: 40,
      savedMs: 540,
      missedMs: 300,
      uploads: 1,
      uploadedBytes: 20,
      downloadedBytes: 70,
      refusedUploads: 0,
      hitRate: 2 / 3,
      hitRateByTime: 540 / 840,
      events: 5,
    });
    expect(items.find(({ sessionId }) => sessionId === null)).toMatchObject({
      refusedUploads: 1,
      missedMs: 9,
    });
    expect(await t.totals()).toMatchObject({ remoteHits: 1, uploads: 1, refusedUploads: 1, savedMs: 540 });

    const { items: events } = await t.runs.events(run as NonNullable<typeof run>);
    expect(events.map(({ source, event, hash }) => `${source} ${event} ${hash}`)).toEqual([
      "LOCAL HIT local",
      "LOCAL MISS hit",
      "REMOTE HIT hit",
      "REMOTE MISS miss",
      "REMOTE UPLOAD miss",
    ]);
  });
});
