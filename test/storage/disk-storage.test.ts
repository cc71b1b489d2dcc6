import { expect, test } from "bun:test";
import { existsSync, readdirSync, statfsSync, statSync, truncateSync, utimesSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Refusal } from "../../src/refusal.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { Receiver } from "../../src/storage/disk/receive.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bodyOf, bytes, describeBlobStorage, readBlob, store } from "./blob-storage-contract.ts";

describeBlobStorage("disk", async () => {
  const folder = temporaryFolder();
  return {
    storage: await DiskStorage.open(folder.path),
    reopen: () => DiskStorage.open(folder.path),
    spoil: () => rm(folder.path, { recursive: true }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
});

function pathOf(folder: string, sha256: string): string {
  return join(folder, "blobs", sha256.slice(0, 2), sha256);
}

test("a blob lies under the first pair of its name and has no other name left", async () => {
  using folder = temporaryFolder();
  const sha256 = await store(await DiskStorage.open(folder.path), bytes("hello"));
  const file = statSync(pathOf(folder.path, sha256));
  expect(file.size).toBe(5);
  expect(file.nlink).toBe(1);
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
});

test.each(["tmp", "blobs"])("without %s it says that it cannot take anything in", async (name) => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  await rm(join(folder.path, name), { recursive: true });
  await expect(storage.check()).rejects.toThrow(name);
});

test("beside whoever opened it, it shows what is there and creates nothing that is not", async () => {
  using folder = temporaryFolder();
  expect(await DiskStorage.beside(folder.path).inQuarantine()).toEqual({ blobs: 0, sizeBytes: 0 });
  expect(readdirSync(folder.path)).toEqual([]);
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  expect(await readBlob(DiskStorage.beside(folder.path), sha256)).toEqual(bytes("hello"));
  await storage.quarantine(sha256);
  expect(await DiskStorage.beside(folder.path).inQuarantine()).toEqual({ blobs: 1, sizeBytes: 5 });
});

test("blobs and their folders are for their owner alone", async () => {
  using folder = temporaryFolder();
  const sha256 = await store(await DiskStorage.open(folder.path), bytes("hello"));
  expect(statSync(pathOf(folder.path, sha256)).mode & 0o077).toBe(0);
  expect(statSync(join(folder.path, "blobs")).mode & 0o077).toBe(0);
});

test("a blob that was cut short on the disk is replaced by the whole one", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  truncateSync(pathOf(folder.path, sha256), 2);
  await store(storage, bytes("hello"));
  expect(await readBlob(storage, sha256)).toEqual(bytes("hello"));
});

test("a blob that rotted without changing its size is replaced by the sound one", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  await Bun.write(pathOf(folder.path, sha256), "hELLO");
  await store(storage, bytes("hello"));
  expect(await readBlob(storage, sha256)).toEqual(bytes("hello"));
});

test("a quarantined blob's bytes stay for inspection", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("odd"));
  await storage.quarantine(sha256);
  expect(await Bun.file(join(folder.path, "quarantine", sha256)).text()).toBe("odd");
});

test("a blob has been in quarantine since it was put there, however old its bytes are", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("old"));
  utimesSync(pathOf(folder.path, sha256), new Date(0), new Date(0));
  await storage.quarantine(sha256);
  expect(await storage.inQuarantine(Date.now() - 60_000)).toEqual({ blobs: 0, sizeBytes: 0 });
});

test("a folder that somebody deletes under it is made again", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  await Bun.$`rm -r ${join(folder.path, "blobs", sha256.slice(0, 2))}`.quiet();
  await store(storage, bytes("hello"));
  expect(await readBlob(storage, sha256)).toEqual(bytes("hello"));
});

test("memory does not grow with the size of a body", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const chunkSizeBytes = 1024 * 1024;
  let left = 512;
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let peak = before;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left-- === 0) return controller.close();
        // Each one its own and written to, so that those that are kept are seen in the resident memory.
        controller.enqueue(new Uint8Array(chunkSizeBytes).fill(left));
        if (left % 16 !== 0) return;
        // When the engine collects by itself is its own affair, and would be all that is measured.
        Bun.gc(true);
        peak = Math.max(peak, process.memoryUsage.rss());
      },
    },
    { highWaterMark: 0 },
  );
  const received = await storage.receive(body, { maxSizeBytes: 1024 ** 3 });
  await received.discard();
  expect(received.sizeBytes).toBe(512 * chunkSizeBytes);
  expect(peak - before).toBeLessThan(100 * 1024 * 1024);
});

test("a temporary file of a crashed server with the same pid and number is no obstacle", async () => {
  using folder = temporaryFolder();
  const before = await DiskStorage.open(folder.path);
  await (await before.receive(bodyOf(bytes("left behind")), { maxSizeBytes: 100 })).publish();
  expect(readdirSync(join(folder.path, "tmp"))).toHaveLength(1);
  const storage = await DiskStorage.open(folder.path);
  await Array.fromAsync(storage.recover());
  const sha256 = await store(storage, bytes("new"));
  expect(await readBlob(storage, sha256)).toEqual(bytes("new"));
});

test.each([1, 7, 5_000, 20_000])("a body that comes %d bytes at a time is whole", async (chunkBytes) => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  for (const sizeBytes of [1, 16 * 1024, 100_000, 300_000]) {
    const content = crypto.getRandomValues(new Uint8Array(300_000)).subarray(0, sizeBytes);
    const body = async function* () {
      for (let start = 0; start < sizeBytes; start += chunkBytes)
        yield content.slice(start, start + chunkBytes);
    };
    const received = await storage.receive(body(), { maxSizeBytes: sizeBytes });
    await received.publish();
    expect(received.sizeBytes).toBe(sizeBytes);
    expect(Buffer.compare((await readBlob(storage, received.sha256)) as Uint8Array, content)).toBe(0);
    await received.discard();
  }
});

test("no more is held in memory than 16 MiB, however long the disk takes with what is being saved", async () => {
  using folder = temporaryFolder();
  const receiver = new Receiver(false);
  const sizeBytes = 256 * 1024;
  const receive = (name: string) => {
    const body = async function* () {
      yield new Uint8Array(sizeBytes);
    };
    return receiver.receive(body(), join(folder.path, name), { maxSizeBytes: sizeBytes });
  };
  const isFile = (name: string) => existsSync(join(folder.path, name));
  const saving: Promise<void>[] = [];
  for (let index = 0; index < 64; index++) saving.push((await receive(`held${index}`)).save());
  const beyond = await receive("beyond");
  expect(isFile("beyond")).toBe(true);
  await Promise.all(saving);
  const next = await receive("next");
  expect(isFile("next")).toBe(false);
  await Promise.all([beyond.remove(), next.remove()]);
});

test("digest tells what lies there now, not what should", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  await Bun.write(pathOf(folder.path, sha256), "hELLO");
  expect(await storage.digest(sha256)).toBe(new Bun.CryptoHasher("sha256").update("hELLO").digest("hex"));
});

test("only files that are named as blobs are listed, from whatever folders are left", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const sha256 = await store(storage, bytes("hello"));
  await Bun.write(join(folder.path, "blobs", sha256.slice(0, 2), ".DS_Store"), "");
  const other = sha256.startsWith("00") ? "01" : "00";
  await Bun.$`rm -r ${join(folder.path, "blobs", other)}`.quiet();
  expect((await Array.fromAsync(storage.list())).flat()).toEqual([sha256]);
});

test("what is free is what the disk says to a user", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const before = statfsSync(folder.path);
  const freeBytes = await storage.freeBytes();
  // Others use the disk, too.
  const slackBytes = 512 * 1024 * 1024;
  expect(Math.abs(freeBytes - before.bavail * before.bsize)).toBeLessThan(slackBytes);
});

test("a body is kept whole just below, at and just above the size that is held in memory, alone and beside many", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  const heldBytes = 256 * 1024;
  // More together than are held at once, in chunks that do not end where the bound is.
  const bodies = Array.from({ length: 120 }, (_, index) =>
    crypto.getRandomValues(new Uint8Array(60_000)).subarray(index),
  ).map((chunk, index) =>
    Buffer.concat([chunk, chunk, chunk, chunk, chunk]).subarray(0, heldBytes - 1 + (index % 3)),
  );
  const received = await Promise.all(
    bodies.map((body) =>
      storage.receive(bodyOf(body.subarray(0, 100_000), body.subarray(100_000)), { maxSizeBytes: 1e6 }),
    ),
  );
  // Those that are held have no file yet, and the others have one.
  const files = readdirSync(join(folder.path, "tmp")).length;
  expect(files).toBeGreaterThan(40);
  expect(files).toBeLessThan(120);
  for (const [index, one] of received.entries()) {
    await one.publish();
    await one.discard();
    expect(bodies[index]?.equals((await readBlob(storage, one.sha256)) ?? bytes("none"))).toBe(true);
  }
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
  // What was held before is not counted for ever.
  const small = await Promise.all(
    bodies.slice(0, 50).map(() => storage.receive(bodyOf(bytes("small")), { maxSizeBytes: 10 })),
  );
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
  for (const one of small) await one.discard();
});

test("what was received and not published leaves no file when it is discarded, small or large", async () => {
  using folder = temporaryFolder();
  const storage = await DiskStorage.open(folder.path);
  for (const sizeBytes of [5, 1_000_000]) {
    const received = await storage.receive(bodyOf(new Uint8Array(sizeBytes)), { maxSizeBytes: 1e9 });
    await received.discard();
    expect(await storage.find(received.sha256)).toBeUndefined();
  }
  expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
});

test.each([
  ["ENOSPC", "no_space", "Nothing was stored; free some space"],
  ["EDQUOT", "no_space", "Nothing was stored; free some space"],
  ["EROFS", "unavailable", "Nothing was stored. Give larder's user"],
  ["EACCES", "unavailable", "Nothing was stored. Give larder's user"],
  ["EPERM", "unavailable", "Nothing was stored. Give larder's user"],
  ["EMFILE", "unavailable", "raise larder's limit on open files"],
  ["ENFILE", "unavailable", "raise larder's limit on open files"],
])(
  "a failure with %s is a refusal that says what to do, and any other a fault",
  async (code, refusal, advice) => {
    using folder = temporaryFolder();
    const storage = await DiskStorage.open(folder.path);
    const failing = (failure: string) => {
      const body = async function* () {
        yield bytes("begun");
        throw Object.assign(new Error("failed"), { code: failure });
      };
      return storage.receive(body(), { maxSizeBytes: 10 }).catch((error) => error);
    };
    const refused = await failing(code);
    expect(refused).toBeInstanceOf(Refusal);
    expect(refused).toMatchObject({
      code: refusal,
      message: expect.stringContaining(advice),
    });
    if (refusal === "unavailable") expect(refused).toMatchObject({ retryAfterSeconds: expect.any(Number) });
    expect(await failing("EIO")).not.toBeInstanceOf(Refusal);
  },
);
