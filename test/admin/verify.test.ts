import { expect, test } from "bun:test";
import { until } from "../server/until.ts";
import { openWorld } from "./world.ts";

test("an administrator has the server read all that is stored, and sees how far it has come", async () => {
  await using world = await openWorld({ args: ["--verify-rate", "none"] });
  const { admin, larder } = world;
  const { secret } = await admin.ok("POST", "/tokens", { team: "default", name: "ci", permission: "write" });
  await world.upload(secret, "default", "a", "12345678");
  expect((await admin.get("/storage")).verify).toEqual({
    blobs: 0,
    sizeBytes: 0,
    startedAt: null,
    completedAt: null,
  });
  const { startedAt } = await admin.ok("POST", "/verify", { bytesPerSecond: 1024 });
  expect(Date.parse(startedAt)).toBeGreaterThan(0);
  const verified = async () => (await admin.get("/storage")).verify;
  await until(larder.url, async () => (await verified()).completedAt !== null);
  expect(await verified()).toMatchObject({ blobs: 1, sizeBytes: 8, startedAt });
}, 120_000);
