import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { Metrics } from "../../src/metrics/metrics.ts";
import { RequestCounter } from "../../src/metrics/request-counter.ts";
import { openTestCache } from "../cache/test-cache.ts";
import { startLarder } from "../larder.ts";
import { cliOutput, createTeam, expectRefusal, TurboClient } from "../protocols/turbo/client.ts";
import { blobFileOf, sha256Of } from "../server/holdings.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { findSample, sampleOf } from "./exposition.ts";
import { metricsToken, scrape, scrapeUntil } from "./metrics-client.ts";

const env = { LARDER_METRICS_TOKEN: metricsToken };
const MiB = 1024 * 1024;

function toolOf(route: string): string {
  return route.startsWith("artifact_") ? "turbo" : "";
}

test("uploads, hits, misses and looks show as what they were", async () => {
  await using larder = await startLarder({ env });
  const client = new TurboClient(larder.url, larder.firstToken);
  const before = await scrape(larder);
  expect(sampleOf(before, "larder_artifact_reads_total", { tool: "turbo", result: "hit" })).toBe(0);
  expect(sampleOf(before, "larder_stored_bytes")).toBe(0);

  for (const [hash, sizeBytes] of [
    ["small", 1_000],
    ["large", 3 * MiB],
  ] as const)
    expect((await client.put(hash, "x".repeat(sizeBytes))).status).toBe(202);
  for (const hash of ["small", "large", "small"]) await (await client.get(hash)).bytes();
  for (const hash of ["none", "nothing"]) expect((await client.get(hash)).status).toBe(404);
  await client.head("large");
  await client.head("none");
  for (const range of ["bytes=0-9", "bytes=10-"]) await (await client.get("large", { range })).bytes();
  await client.query(["small", "none"]);
  await client.report([]);

  const after = await scrape(larder);
  const reads = (result: string) => sampleOf(after, "larder_artifact_reads_total", { tool: "turbo", result });
  expect([reads("hit"), reads("miss")]).toEqual([4, 2]);
  expect(sampleOf(after, "larder_uploads_total", { tool: "turbo" })).toBe(2);
  expect(sampleOf(after, "larder_uploaded_bytes_total", { tool: "turbo" })).toBe(3 * MiB + 1_000);
  expect(sampleOf(after, "larder_downloaded_bytes_total", { tool: "turbo" })).toBe(3 * MiB + 2_000);
  expect(sampleOf(after, "larder_stored_bytes")).toBe(3 * MiB + 1_000);
  expect(sampleOf(after, "larder_reserved_bytes")).toBe(0);
  expect(sampleOf(after, "larder_team_used_bytes", { team: "default" })).toBe(3 * MiB + 1_000);
  const requests = (route: string, status: string) =>
    findSample(after, "larder_requests_total", { route, tool: toolOf(route), status });
  expect(requests("artifact_get", "2xx")).toBe(5);
  expect(requests("artifact_get", "4xx")).toBe(2);
  expect(requests("artifact_head", "2xx")).toBe(1);
  expect(requests("artifact_put", "2xx")).toBe(2);
  expect(requests("artifact_query", "2xx")).toBe(1);
  expect(requests("artifact_events", "2xx")).toBe(1);
  expect(requests("metrics", "2xx")).toBeGreaterThan(0);
  expect(
    sampleOf(after, "larder_request_duration_seconds_count", { route: "artifact_get", tool: "turbo" }),
  ).toBe(7);
  expect(sampleOf(after, "larder_requests_in_flight")).toBe(1);
  const build = { version: packageJson.version, bun_version: Bun.version };
  expect(sampleOf(after, "larder_build_info", build)).toBe(1);
});

test("what the process takes is there, and grows", async () => {
  await using larder = await startLarder({ env });
  const families = await scrape(larder);
  expect(sampleOf(families, "process_resident_memory_bytes")).toBeGreaterThan(20 * MiB);
  expect(sampleOf(families, "larder_heap_used_bytes")).toBeGreaterThan(100_000);
  const startedAt = sampleOf(families, "process_start_time_seconds");
  expect(Math.abs(startedAt - Date.now() / 1_000)).toBeLessThan(60);
  const lag = sampleOf(families, "larder_event_loop_lag_seconds");
  expect(lag).toBeGreaterThanOrEqual(0);
  expect(lag).toBeLessThan(10);
  const cpu = sampleOf(families, "process_cpu_seconds_total");
  expect(cpu).toBeGreaterThan(0);
  expect(sampleOf(await scrape(larder), "process_cpu_seconds_total")).toBeGreaterThan(cpu);
  if (process.platform !== "linux") return;
  expect(sampleOf(families, "process_open_fds")).toBeGreaterThan(5);
  expect(sampleOf(families, "process_max_fds")).toBeGreaterThan(100);
});

test("eviction for room, refusals for size and the limits show as they are", async () => {
  const args = ["--max-size", "10MiB", "--max-artifact-size", "4MiB", "--min-free", "1MiB"];
  await using larder = await startLarder({ env, args });
  const client = new TurboClient(larder.url, larder.firstToken);
  for (let index = 0; index < 12; index++) {
    expect((await client.put(`a${index}`, `${index}`.padEnd(MiB, "x"))).status).toBe(202);
  }
  await expectRefusal(await client.put("large", "x".repeat(5 * MiB)), 413, "too_large");
  const families = await scrape(larder);
  expect(sampleOf(families, "larder_max_size_bytes")).toBe(10 * MiB);
  expect(sampleOf(families, "larder_disk_min_free_bytes")).toBe(MiB);
  expect(sampleOf(families, "larder_disk_free_bytes")).toBeGreaterThan(MiB);
  const evicted = sampleOf(families, "larder_evicted_artifacts_total", { reason: "room" });
  expect(evicted).toBeGreaterThanOrEqual(2);
  expect(sampleOf(families, "larder_evicted_bytes_total", { reason: "room" })).toBe(evicted * MiB);
  expect(sampleOf(families, "larder_evicted_artifacts_total", { reason: "quota" })).toBe(0);
  const age = sampleOf(families, "larder_eviction_youngest_age_seconds", { trust: "trusted" });
  expect(age).toBeLessThan(60);
  expect(
    sampleOf(families, "larder_eviction_youngest_age_day_seconds", { trust: "trusted" }),
  ).toBeLessThanOrEqual(age);
  expect(
    findSample(families, "larder_eviction_youngest_age_seconds", { trust: "untrusted" }),
  ).toBeUndefined();
  expect(sampleOf(families, "larder_uploads_refused_total", { reason: "too_large" })).toBe(1);
  expect(sampleOf(families, "larder_uploads_refused_total", { reason: "no_space" })).toBe(0);
  expect(sampleOf(families, "larder_stored_bytes")).toBeLessThanOrEqual(10 * MiB);
});

test("a quota shows with its team, what it refuses, and what it evicts", async () => {
  await using larder = await startLarder({ env });
  const web = await createTeam(larder, "web");
  const app = await createTeam(larder, "app");
  await cliOutput(larder, "team", "set", "web", "--quota", "3MiB");
  await cliOutput(larder, "team", "set", "app", "--quota", "1MiB", "--quota-rule", "refuse");
  const ofWeb = new TurboClient(larder.url, web.token);
  for (const hash of ["1", "2", "3", "4"]) {
    expect((await ofWeb.put(hash, hash.padEnd(MiB, "x"))).status).toBe(202);
  }
  const ofApp = new TurboClient(larder.url, app.token);
  expect((await ofApp.put("1", "x".repeat(MiB / 2))).status).toBe(202);
  await expectRefusal(await ofApp.put("2", "y".repeat(MiB / 2 + 1)), 403, "remote_caching_over_limit");
  const families = await scrape(larder);
  expect(sampleOf(families, "larder_team_quota_bytes", { team: "web" })).toBe(3 * MiB);
  expect(sampleOf(families, "larder_team_used_bytes", { team: "app" })).toBe(MiB / 2);
  expect(findSample(families, "larder_team_quota_bytes", { team: "default" })).toBeUndefined();
  expect(sampleOf(families, "larder_uploads_refused_total", { reason: "team_over_limit" })).toBe(1);
  expect(sampleOf(families, "larder_evicted_artifacts_total", { reason: "quota" })).toBeGreaterThan(0);
});

test("a blob that is lost shows in quarantine until it is uploaded again", async () => {
  await using larder = await startLarder({ env });
  const client = new TurboClient(larder.url, larder.firstToken);
  await client.put("a", "bytes that get lost");
  rmSync(join(larder.dataFolder, "blobs", blobFileOf(sha256Of("bytes that get lost"))));
  expect((await client.get("a")).status).toBe(404);
  const lost = await scrape(larder);
  expect(sampleOf(lost, "larder_quarantined_blobs")).toBe(1);
  expect(sampleOf(lost, "larder_damaged_blobs_total")).toBe(1);
  await client.put("a", "bytes that get lost");
  const mended = await scrape(larder);
  expect(sampleOf(mended, "larder_quarantined_blobs")).toBe(0);
  expect(sampleOf(mended, "larder_damaged_blobs_total")).toBe(1);
});

test("verification shows how far it is", async () => {
  await using first = await startLarder({ env });
  await new TurboClient(first.url, first.firstToken).put("a", "x".repeat(1_000));
  await first.stop();
  await using larder = await startLarder({
    env,
    dataFolder: first.dataFolder,
    args: ["--verify-rate", "1GiB"],
  });
  // It begins at once, and looks through the folders at leisure.
  const completion = "larder_verify_completion_time_seconds";
  const families = await scrapeUntil(larder, (shown) => findSample(shown, completion) !== undefined);
  expect(sampleOf(families, "larder_verify_round_blobs")).toBe(1);
  expect(sampleOf(families, "larder_verify_round_bytes")).toBe(1_000);
  expect(sampleOf(families, completion)).toBeGreaterThanOrEqual(
    sampleOf(families, "larder_verify_round_start_time_seconds"),
  );
});

test("an upload under way shows with the room that it has taken", async () => {
  await using larder = await startLarder({ env });
  using connection = await RawConnection.open(larder.url);
  await connection.send(
    `PUT /v8/artifacts/slow HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n` +
      `Content-Length: ${10 * MiB}\r\n\r\nbegin`,
  );
  // It is under way a moment before it has its room.
  const shown = await scrapeUntil(larder, (families) => sampleOf(families, "larder_reserved_bytes") > 0);
  expect(sampleOf(shown, "larder_reserved_bytes")).toBe(MiB);
  expect(sampleOf(shown, "larder_uploads_in_flight")).toBe(1);
  expect(sampleOf(shown, "larder_requests_in_flight")).toBe(2);
  expect(sampleOf(shown, "larder_uploads_waiting")).toBe(0);
});

test("however many ask at once, it is gathered once, and anew when that is too old", async () => {
  await using t = await openTestCache();
  let gathered = 0;
  const sources = {
    cache: t.cache,
    database: t.database,
    counter: new RequestCounter(""),
    requests: {
      get underWay() {
        gathered++;
        return 0;
      },
    },
    usage: { waiting: 0, dropped: 0 },
  };
  const askFifty = async (metrics: Metrics) => {
    gathered = 0;
    return new Set(await Promise.all(Array.from({ length: 50 }, () => metrics.text()))).size;
  };
  const lasting = new Metrics(sources, Number.POSITIVE_INFINITY);
  expect([await askFifty(lasting), gathered]).toEqual([1, 1]);
  expect([await askFifty(lasting), gathered]).toEqual([1, 0]);
  const old = new Metrics(sources, 0);
  for (let round = 0; round < 2; round++) expect([await askFifty(old), gathered]).toEqual([1, 1]);
});

test("at most 200 teams are shown, and those are the ones that use the most", async () => {
  await using larder = await startLarder({ env });
  const small = new TurboClient(larder.url, (await createTeam(larder, "small")).token);
  await small.put("a", "x");
  // Each command takes a while, so the rest are made where they lie.
  const { Database } = await import("bun:sqlite");
  using database = new Database(join(larder.dataFolder, "larder.db"));
  database.run("PRAGMA busy_timeout = 5000");
  const insert = database.prepare(
    "INSERT INTO teams (id, slug, name, used_bytes, created_at) VALUES (?, ?, ?, ?, 0)",
  );
  for (let index = 0; index < 300; index++) insert.run(`team_${index}`, `team-${index}`, "x", 1_000 + index);
  insert.finalize();
  const { samples } = (await scrape(larder)).get("larder_team_used_bytes") ?? { samples: [] };
  expect(samples).toHaveLength(200);
  expect(samples.map(({ labels }) => labels.team)).not.toContain("small");
  expect(Math.min(...samples.map(({ value }) => value))).toBe(1_100);
  await cliOutput(larder, "team", "list");
});
