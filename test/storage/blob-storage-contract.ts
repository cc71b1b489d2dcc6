import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Refusal } from "../../src/refusal.ts";
import type { BlobStorage } from "../../src/storage/blob-storage.ts";

const noLimits = { maxSizeBytes: Number.MAX_SAFE_INTEGER };

export function bodyOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      // The reader may do with its chunks what it likes.
      for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk));
      controller.close();
    },
  });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export async function readBlob(storage: BlobStorage, sha256: string): Promise<Uint8Array | undefined> {
  const blob = await storage.find(sha256);
  return blob && new Uint8Array(await new Response(blob.body).arrayBuffer());
}

export async function store(storage: BlobStorage, content: Uint8Array): Promise<string> {
  const received = await storage.receive(bodyOf(content), noLimits);
  await received.publish();
  await received.discard();
  return received.sha256;
}

async function listed(storage: BlobStorage): Promise<string[]> {
  return (await Array.fromAsync(storage.list())).flat().sort();
}

function sha256Of(content: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}

/** Where a storage lies that is tested. */
export interface StoragePlace extends Disposable {
  storage: BlobStorage;
  /** The same storage again, as after a crash. */
  reopen(): Promise<BlobStorage>;
  /** Makes it unable to take anything in. */
  spoil(): Promise<void>;
}

/** What every storage driver has to keep. `open` gives an empty storage. */
export function describeBlobStorage(driver: string, open: () => Promise<StoragePlace>): void {
  describe(`${driver} storage`, () => {
    test("gives back what was published, byte for byte, however it was cut into chunks", async () => {
      using place = await open();
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 4096 }), { maxLength: 8 }), async (chunks) => {
          const received = await place.storage.receive(bodyOf(...chunks), noLimits);
          await received.publish();
          await received.discard();
          const whole = Buffer.concat(chunks);
          expect(received.sha256).toBe(sha256Of(whole));
          expect(received.sizeBytes).toBe(whole.byteLength);
          expect(Buffer.from((await readBlob(place.storage, received.sha256)) as Uint8Array)).toEqual(whole);
        }),
        { numRuns: 30 },
      );
    });

    test("shows nothing of a body that was received and not published", async () => {
      using place = await open();
      const received = await place.storage.receive(bodyOf(bytes("secret")), noLimits);
      expect(await place.storage.find(received.sha256)).toBeUndefined();
      await received.discard();
      expect(await place.storage.find(received.sha256)).toBeUndefined();
      expect(await Array.fromAsync(place.storage.recover())).toEqual([]);
    });

    test("keeps a published blob when what was received is discarded", async () => {
      using place = await open();
      const sha256 = await store(place.storage, bytes("kept"));
      expect((await place.storage.find(sha256))?.sizeBytes).toBe(4);
    });

    test("reads a whole blob of the size that is asked for, and no other, many at a time", async () => {
      using place = await open();
      const contents = Array.from({ length: 32 }, (_, index) =>
        crypto.getRandomValues(new Uint8Array(index * 997)),
      );
      const names = await Promise.all(contents.map((content) => store(place.storage, content)));
      const copy = (found: Uint8Array) => Uint8Array.from(found);
      const read = await Promise.all(
        names.map((name, index) => place.storage.read(name, contents[index]?.byteLength ?? 0, copy)),
      );
      expect(read).toEqual(contents);
      const [name = "", sizeBytes = 0] = [names[3], contents[3]?.byteLength];
      for (const wrongBytes of [0, sizeBytes - 1, sizeBytes + 1, sizeBytes * 2])
        expect(await place.storage.read(name, wrongBytes, copy)).toBeUndefined();
      expect(await place.storage.read(sha256Of(bytes("absent")), 5, copy)).toBeUndefined();
    });

    test("publishes the same bytes any number of times", async () => {
      using place = await open();
      const names = await Promise.all(Array.from({ length: 8 }, () => store(place.storage, bytes("same"))));
      expect(new Set(names)).toEqual(new Set([sha256Of(bytes("same"))]));
      expect(await readBlob(place.storage, names[0] as string)).toEqual(bytes("same"));
    });

    test("refuses a body beyond the limit as soon as it passes it", async () => {
      using place = await open();
      let pulled = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1024));
        },
      });
      const refused = place.storage.receive(endless, { maxSizeBytes: 10_000 });
      await expect(refused).rejects.toMatchObject({ name: "Refusal", code: "too_large" });
      expect(pulled).toBeLessThan(20);
    });

    test("refuses an announced size beyond the limit without reading a byte", async () => {
      using place = await open();
      const body = new ReadableStream<Uint8Array>({ pull: () => expect.unreachable() }, { highWaterMark: 0 });
      await expect(
        place.storage.receive(body, { maxSizeBytes: 10, expectedSizeBytes: 11 }),
      ).rejects.toMatchObject({
        code: "too_large",
        message: expect.stringMatching(/11.*10/),
      });
    });

    test.each([4, 6])("refuses 5 bytes where %d were announced", async (expectedSizeBytes) => {
      using place = await open();
      const refused = place.storage.receive(bodyOf(bytes("hello")), { ...noLimits, expectedSizeBytes });
      await expect(refused).rejects.toMatchObject({ code: "bad_request" });
      expect(await place.storage.find(sha256Of(bytes("hello")))).toBeUndefined();
    });

    test("leaves nothing of a body whose sender goes away", async () => {
      using place = await open();
      const cut = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(bytes("half"));
          controller.error(new DOMException("gone", "AbortError"));
        },
      });
      expect(await place.storage.receive(cut, noLimits).catch((error) => error)).toMatchObject({
        code: "aborted",
      });
      expect(await Array.fromAsync(place.storage.recover())).toEqual([]);
    });

    test("lets a reader finish a blob that is removed under it", async () => {
      using place = await open();
      const content = crypto.getRandomValues(new Uint8Array(60_000));
      const sha256 = await store(place.storage, content);
      const blob = await place.storage.find(sha256);
      const reader = new Response(blob?.body).body?.getReader();
      const first = await reader?.read();
      await place.storage.remove(sha256);
      const rest: Uint8Array[] = [first?.value as Uint8Array];
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read())
        rest.push(next.value);
      expect(Buffer.concat(rest)).toEqual(Buffer.from(content));
      expect(await place.storage.find(sha256)).toBeUndefined();
    });

    test("removes and quarantines a blob that is not there without complaint", async () => {
      using place = await open();
      const absent = sha256Of(bytes("absent"));
      await place.storage.remove(absent);
      await place.storage.quarantine(absent);
      expect(await place.storage.find(absent)).toBeUndefined();
    });

    test("takes a quarantined blob out of sight, and takes the same bytes in again", async () => {
      using place = await open();
      const sha256 = await store(place.storage, bytes("rotten"));
      await place.storage.quarantine(sha256);
      expect(await place.storage.find(sha256)).toBeUndefined();
      expect(await store(place.storage, bytes("rotten"))).toBe(sha256);
      expect(await readBlob(place.storage, sha256)).toEqual(bytes("rotten"));
    });

    test("tells what is in quarantine and since when, and removes what has been there for long enough", async () => {
      using place = await open();
      expect(await place.storage.inQuarantine()).toEqual({ blobs: 0, sizeBytes: 0 });
      const sha256 = await store(place.storage, bytes("rotten"));
      const kept = await store(place.storage, bytes("sound"));
      const startedAt = Date.now();
      await place.storage.quarantine(sha256);
      const all = { blobs: 1, sizeBytes: 6 };
      const none = { blobs: 0, sizeBytes: 0 };
      expect(await place.storage.inQuarantine()).toEqual(all);
      // A clock of files may be coarser than ours.
      expect(await place.storage.inQuarantine(startedAt - 100)).toEqual(none);
      expect(await place.storage.inQuarantine(Date.now() + 100)).toEqual(all);
      expect(await place.storage.emptyQuarantine(startedAt - 100)).toEqual(none);
      expect(await place.storage.inQuarantine()).toEqual(all);
      expect(await place.storage.emptyQuarantine(Date.now() + 100)).toEqual(all);
      expect(await place.storage.inQuarantine()).toEqual(none);
      expect(await listed(place.storage)).toEqual([kept]);
    });

    test("names after a crash what was published and not yet entered in the books", async () => {
      using place = await open();
      // Neither is discarded, as if the process had ended here.
      const published = await place.storage.receive(bodyOf(bytes("published")), noLimits);
      await published.publish();
      await place.storage.receive(bodyOf(bytes("received")), noLimits);

      const reopened = await place.reopen();
      expect(await Array.fromAsync(reopened.recover())).toEqual([published.sha256]);
      expect(await Array.fromAsync(reopened.recover())).toEqual([]);
      expect(await readBlob(reopened, published.sha256)).toEqual(bytes("published"));
    });

    test("names the bytes by what they are, and has no name for a blob that is not there", async () => {
      using place = await open();
      const content = crypto.getRandomValues(new Uint8Array(3_000_000));
      const sha256 = await store(place.storage, content);
      expect(await place.storage.digest(sha256)).toBe(sha256Of(content));
      const parts: number[] = [];
      let isPausing = false;
      const paced = await place.storage.digest(sha256, async (sizeBytes) => {
        expect(isPausing).toBe(false);
        isPausing = true;
        await new Promise((turned) => setImmediate(turned));
        isPausing = false;
        parts.push(sizeBytes);
      });
      expect(paced).toBe(sha256Of(content));
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.reduce((sum, part) => sum + part)).toBe(content.byteLength);
      const empty = await store(place.storage, new Uint8Array());
      expect(await place.storage.digest(empty)).toBe(sha256Of(new Uint8Array()));
      expect(await place.storage.digest(sha256Of(bytes("absent")))).toBeUndefined();
      await place.storage.quarantine(sha256);
      expect(await place.storage.digest(sha256)).toBeUndefined();
    });

    test("lists each blob once, and nothing that is not published, removed or quarantined", async () => {
      using place = await open();
      expect(await listed(place.storage)).toEqual([]);
      const names = await Promise.all(
        Array.from({ length: 40 }, (_, index) => store(place.storage, bytes(`blob ${index}`))),
      );
      await place.storage.remove(names.pop() as string);
      await place.storage.quarantine(names.pop() as string);
      const received = await place.storage.receive(bodyOf(bytes("not published")), noLimits);
      expect(await listed(place.storage)).toEqual(names.toSorted());
      await received.discard();
      expect(await listed(await place.reopen())).toEqual(names.toSorted());
    });

    test("says that it can take a body in, or what is wrong if it cannot", async () => {
      using place = await open();
      expect(await place.storage.check()).toBeUndefined();
      await place.spoil();
      expect(await place.storage.check().catch((error) => error)).toMatchObject({
        message: expect.stringMatching(/\w/),
      });
    });

    test("knows how much more it would hold", async () => {
      using place = await open();
      const freeBytes = await place.storage.freeBytes();
      expect(Number.isSafeInteger(freeBytes)).toBe(true);
      expect(freeBytes).toBeGreaterThan(0);
    });

    test("throws refusals that are errors with a message", async () => {
      using place = await open();
      const error = await place.storage.receive(bodyOf(bytes("hello")), { maxSizeBytes: 1 }).catch((e) => e);
      expect(error).toBeInstanceOf(Refusal);
      expect(error.message).toContain("1");
    });
  });
}
