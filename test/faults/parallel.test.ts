import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { blobFileOf, holdingsOf, sha256Of } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";

function send(larder: RunningLarder, token: string, method: string, hash: string, body?: BodyInit) {
  return fetch(`${larder.url}/v8/artifacts/${hash}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body }),
  });
}

test("of 64 uploads of one hash at once one stays, and readers see each of them whole or not at all", async () => {
  await using larder = await startLarder();
  const { firstToken: token } = larder;
  const versions = Array.from({ length: 64 }, (_, index) =>
    Buffer.alloc(1000 + index * 5000, `version ${index} `),
  );
  const known = new Set(versions.map(sha256Of));
  let seen = 0;
  let areUploading = true;
  const read = async () => {
    while (areUploading || seen === 0) {
      const response = await send(larder, token, "GET", "contended");
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status === 404) continue;
      expect(response.status).toBe(200);
      expect(known).toContain(sha256Of(bytes));
      expect(response.headers.get("etag")).toBe(`"${sha256Of(bytes)}"`);
      seen++;
    }
  };
  const readers = [read(), read(), read(), read()];
  const answers = await Promise.all(
    versions.map((version) => send(larder, token, "PUT", "contended", new Uint8Array(version))),
  );
  areUploading = false;
  await Promise.all(readers);
  expect(answers.map(({ status }) => status)).toEqual(versions.map(() => 202));
  const last = await (await send(larder, token, "GET", "contended")).arrayBuffer();
  const { artifacts, blobs, temporaryFiles } = holdingsOf(larder.dataFolder);
  expect(artifacts).toEqual([{ hash: "contended", team: "default", sha256: sha256Of(new Uint8Array(last)) }]);
  expect(blobs.filter(({ releasedAt }) => releasedAt === null)).toHaveLength(1);
  expect(temporaryFiles).toEqual([]);
  expect(await larder.stop()).toBe(0);
  expect(errorLines(larder.stderr())).toEqual([]);
}, 120_000);

test("the same bytes under many hashes at once lie on the disk once", async () => {
  await using larder = await startLarder();
  const { firstToken: token } = larder;
  const bytes = new Uint8Array(Buffer.alloc(300_000, "the same "));
  const hashes = Array.from({ length: 64 }, (_, index) => `same${index}`);
  const answers = await Promise.all(hashes.map((hash) => send(larder, token, "PUT", hash, bytes)));
  expect(answers.map(({ status }) => status)).toEqual(hashes.map(() => 202));
  const { artifacts, blobs, blobFiles, temporaryFiles } = holdingsOf(larder.dataFolder);
  expect(artifacts).toHaveLength(64);
  expect(blobs).toHaveLength(1);
  expect(blobFiles).toEqual([blobFileOf(sha256Of(bytes))]);
  expect(temporaryFiles).toEqual([]);
  for (const hash of hashes) {
    const found = await (await send(larder, token, "GET", hash)).arrayBuffer();
    expect(sha256Of(new Uint8Array(found))).toBe(sha256Of(bytes));
  }
}, 120_000);

test("bytes that were replaced leave the disk after their grace, unless they were uploaded again", async () => {
  await using larder = await startLarder();
  const { firstToken: token } = larder;
  for (const body of ["replaced", "shared", "current"]) await send(larder, token, "PUT", "changing", body);
  await send(larder, token, "PUT", "other", "shared");
  expect(holdingsOf(larder.dataFolder).blobFiles).toHaveLength(3);
  await larder.stop();

  // As if the grace were over for all of them.
  const database = new Database(join(larder.dataFolder, "larder.db"));
  database.run("UPDATE blobs SET released_at = 1 WHERE released_at IS NOT NULL");
  database.close();
  await using again = await startLarder({ dataFolder: larder.dataFolder });
  const files = () => holdingsOf(again.dataFolder).blobFiles;
  const kept = [blobFileOf(sha256Of("shared")), blobFileOf(sha256Of("current"))].sort();
  await until(again.url, () => files().length < 3);
  expect(files()).toEqual(kept);
  expect(await (await send(again, token, "GET", "changing")).text()).toBe("current");
  expect(await (await send(again, token, "GET", "other")).text()).toBe("shared");
}, 120_000);
