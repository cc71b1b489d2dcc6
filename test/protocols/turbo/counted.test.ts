import { expect, test } from "bun:test";
import { startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { cliOutput, createTeam, TurboClient } from "./client.ts";

/** Of both days, if one ends in between. */
const figuresOf = (team: string) =>
  `SELECT slug, sum(remote_hits) AS hits, sum(remote_misses) AS misses, sum(remote_saved_ms) AS savedMs,
  sum(missed_ms) AS missedMs, sum(uploads) AS uploads, sum(uploaded_bytes) AS uploadedBytes,
  sum(downloaded_bytes) AS downloadedBytes, sum(refused_uploads) AS refused
  FROM usage_days JOIN teams ON teams.id = team_id WHERE slug = '${team}' GROUP BY slug`;

test("a download counts once, however it is asked for, and its bytes where they had to go", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  await client.put("a", "12345678", { "x-artifact-duration": "100" });
  const whole = await client.get("a");
  const etag = whole.headers.get("etag") as string;
  expect(await whole.text()).toBe("12345678");
  expect((await client.get("a", { "if-none-match": etag })).status).toBe(304);
  expect((await client.get("a", { range: "bytes=0-" })).status).toBe(206);
  expect((await client.get("a", { range: "bytes=1-" })).status).toBe(206);
  expect((await client.get("a", { range: "bytes=-3" })).status).toBe(206);
  expect((await client.head("a")).status).toBe(200);
  expect((await client.query(["a", "b"])).status).toBe(200);
  expect((await client.get("b")).status).toBe(404);
  expect((await client.get("b", { range: "bytes=1-" })).status).toBe(404);
  expect((await client.head("b")).status).toBe(404);
  expect((await client.get("no hash")).status).toBe(400);
  expect((await new TurboClient(larder.url, "lrd_unknown").get("a")).status).toBe(401);
  expect(await larder.stop()).toBe(0);
  expect(rowsOf(larder.dataFolder, figuresOf("default"))).toEqual([
    {
      slug: "default",
      ...{ hits: 3, misses: 1, savedMs: 300, missedMs: 100, uploads: 1, refused: 0 },
      uploadedBytes: 8,
      downloadedBytes: 16,
    },
  ]);
}, 120_000);

test("uploads count when they were kept, and as refused when there is no room for them, not when the client is at fault", async () => {
  await using larder = await startLarder({ args: ["--max-artifact-size", "20B"] });
  const { token } = await createTeam(larder, "small");
  await cliOutput(
    larder,
    "team",
    "set",
    "small",
    "--quota",
    "16B",
    "--quota-rule",
    "refuse",
    "--overwrite",
    "never",
  );
  const client = new TurboClient(larder.url, token);
  const took = (durationMs: number) => ({ "x-artifact-duration": String(durationMs) });
  expect((await client.put("a", "12345678", took(1))).status).toBe(202);
  // The same bytes once more.
  expect((await client.put("a", "12345678", took(1))).status).toBe(202);
  expect((await client.put("b", "1234567890", took(10))).status).toBe(403);
  expect((await client.put("c", "x".repeat(21), took(100))).status).toBe(413);
  expect((await client.put("a", "other", took(1_000))).status).toBe(409);
  expect((await client.put("d", "1", { "x-artifact-duration": "long" })).status).toBe(400);
  expect(await larder.stop()).toBe(0);
  expect(rowsOf(larder.dataFolder, figuresOf("small"))).toMatchObject([
    { uploads: 2, uploadedBytes: 16, refused: 2, missedMs: 112 },
  ]);
}, 120_000);
