import { expect, test } from "bun:test";
import { holdingsOf } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { openWorld } from "./world.ts";

test("an administrator has the server remove what it would remove by itself before long, or say what", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  const { secret } = await admin.ok("POST", "/tokens", { team: "default", name: "ci", permission: "write" });
  for (const hash of ["a", "b", "c"]) await world.upload(secret, "default", hash, hash.repeat(100));
  await admin.ok("PATCH", "/teams/default", { quotaBytes: 200 });

  const nothing = { blobs: 0, sizeBytes: 0 };
  const { dryRun, ...garbage } = await admin.ok("POST", "/gc", { dryRun: true });
  expect(dryRun).toBe(true);
  expect(garbage).toEqual({
    tooOld: 0,
    overQuotaBytes: 100,
    overMaxSizeBytes: 0,
    unused: nothing,
    quarantined: nothing,
  });
  expect(JSON.parse((await larder.cli("gc", "--dry-run", "--json")).stdout)).toEqual(garbage);
  expect((await admin.get("/artifacts")).items).toHaveLength(3);

  // Several at once do the work once.
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => admin.ok("POST", "/gc", { dryRun: false })),
  );
  const done = answers.filter(({ overQuota }) => overQuota > 0);
  expect(done).toEqual([
    {
      dryRun: false,
      expired: 0,
      overQuota: 1,
      evicted: 0,
      // The server's own collector may have been first.
      freed: expect.any(Object),
      quarantined: nothing,
    },
  ]);
  expect((await admin.get("/artifacts")).items).toHaveLength(2);
  await until(larder.url, () => holdingsOf(larder.dataFolder).blobFiles.length === 2);
  const { items } = await admin.get("/audit?kind=storage.gc");
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({
    actorKind: "user",
    actorName: "ann@example.org",
    details: { overQuota: 1 },
  });
}, 120_000);
