import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { blobFileOf, holdingsOf, sha256Of } from "../server/holdings.ts";

const rounds = 5;
const hashes = Array.from({ length: 12 }, (_, index) => `kill${index}`);
const sizesBytes = [0, 1, 300, 40_000, 700_000, 3_000_000];

let scratch: string;
let dataFolder: string;
let token: string;
/** The versions of each hash: those that the server has said it keeps, and those that it was asked to. */
const acknowledged = new Map<string, number>();
const attempted = new Map<string, number>();

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "larder-kill-"));
  dataFolder = join(scratch, "data");
});
afterAll(() => rm(scratch, { recursive: true }));

function bodyOf(hash: string, version: number): Uint8Array<ArrayBuffer> {
  const sizeBytes = sizesBytes[(version * 7 + hash.length) % sizesBytes.length] as number;
  // Every third version is what other hashes hold too, so that killed uploads share blobs.
  const text = version % 3 === 0 ? `shared ${version} ` : `${hash} ${version} `;
  return new Uint8Array(Buffer.alloc(sizeBytes, text));
}

/** Uploads one version after the other until the server is killed. */
async function upload(
  larder: RunningLarder,
  hash: string,
  { isKilled, onAcknowledged }: { isKilled: () => boolean; onAcknowledged: () => void },
): Promise<void> {
  for (;;) {
    const version = (attempted.get(hash) ?? 0) + 1;
    attempted.set(hash, version);
    const body = bodyOf(hash, version);
    try {
      const response = await fetch(`${larder.url}/v8/artifacts/${hash}`, {
        method: "PUT",
        body: version % 2 === 0 ? body : new Blob([body]).stream(),
        headers: { authorization: `Bearer ${token}`, "x-artifact-duration": String(version) },
      });
      expect(response.status).toBe(202);
    } catch (error) {
      if (isKilled()) return;
      throw error;
    }
    acknowledged.set(hash, version);
    onAcknowledged();
  }
}

/** Every artifact is the last version that was acknowledged, or a later one whose answer was lost. */
async function checkAll(larder: RunningLarder): Promise<void> {
  for (const hash of hashes) {
    const response = await fetch(`${larder.url}/v8/artifacts/${hash}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const least = acknowledged.get(hash) ?? 0;
    if (response.status === 404) {
      expect([hash, least]).toEqual([hash, 0]);
      continue;
    }
    const version = Number(response.headers.get("x-artifact-duration"));
    expect(version).toBeWithin(least, (attempted.get(hash) as number) + 1);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([hash, version, sha256Of(bytes)]).toEqual([hash, version, sha256Of(bodyOf(hash, version))]);
    // Later rounds build on what is there.
    acknowledged.set(hash, version);
  }
}

function checkFolder(): void {
  const { artifacts, blobs, blobFiles, temporaryFiles } = holdingsOf(dataFolder);
  expect(temporaryFiles).toEqual([]);
  const known = new Set(blobs.map(({ sha256 }) => blobFileOf(sha256)));
  expect(blobFiles.filter((file) => !known.has(file))).toEqual([]);
  for (const { sha256 } of artifacts)
    expect(existsSync(join(dataFolder, "blobs", blobFileOf(sha256)))).toBe(true);
}

test("what was acknowledged before a kill is there after it, and nothing else is left", async () => {
  for (let round = 0; round < rounds; round++) {
    await using larder = await startLarder({ dataFolder });
    if (round === 0) token = larder.firstToken;
    checkFolder();
    await checkAll(larder);

    // The kill comes at another moment of the uploads in each round, some of them under way.
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    let left = 20 + round * 7;
    let killed: Promise<void> | undefined;
    const isKilled = () => killed !== undefined;
    const onAcknowledged = () => {
      if (--left > 0) return;
      // At once, so that nothing comes between the answer and the kill.
      killed ??= larder.kill();
      resolve();
    };
    const uploads = hashes.map((hash) => upload(larder, hash, { isKilled, onAcknowledged }));
    await Promise.race([enough, ...uploads]);
    await killed;
    await Promise.all(uploads);
  }
  await using larder = await startLarder({ dataFolder });
  checkFolder();
  await checkAll(larder);
  expect(Math.min(...acknowledged.values())).toBeGreaterThan(0);
  expect(await larder.stop()).toBe(0);
  expect(larder.stderr()).not.toContain("quarantined");
}, 120_000);
