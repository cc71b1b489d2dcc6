import { afterAll, beforeAll, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { holdingsOf } from "../../server/holdings.ts";
import { createTeam, createToken, expectRefusal, TurboClient } from "./client.ts";

let larder: RunningLarder;

beforeAll(async () => {
  larder = await startLarder();
});
afterAll(() => larder[Symbol.asyncDispose]());

test("an admin token takes out all artifacts of its own team, and no other token may", async () => {
  const web = new TurboClient(larder.url, (await createTeam(larder, "web")).token);
  const client = new TurboClient(larder.url, larder.firstToken);
  for (const hash of ["a", "b", "c"]) {
    await client.put(hash, "shared");
    await web.put(hash, "shared");
  }

  const reader = new TurboClient(larder.url, (await createToken(larder, "default", "read")).token);
  for (const lesser of [client, reader]) {
    await expectRefusal(await lesser.send("DELETE", ""), 403, "forbidden");
  }
  await expectRefusal(await client.of("?slug=web").send("DELETE", ""), 403, "forbidden");
  expect(holdingsOf(larder.dataFolder).artifacts).toHaveLength(6);

  const admin = new TurboClient(larder.url, (await createToken(larder, "default", "admin")).token);
  expect(await (await admin.send("DELETE", "")).json()).toEqual({ deletedCount: 3 });
  expect(await (await admin.send("DELETE", "")).json()).toEqual({ deletedCount: 0 });
  await expectRefusal(await client.get("a"), 404, "not_found");
  expect(await (await web.get("a")).text()).toBe("shared");
  expect((await client.put("a", "shared")).status).toBe(202);
  expect(await (await client.get("a")).text()).toBe("shared");
});
