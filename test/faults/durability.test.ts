import { expect, test } from "bun:test";
import { rmSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { strace } from "../known-tools.ts";
import { larderCommand, type RunningLarder, startLarder } from "../larder.ts";
import { holdingsOf, sha256Of } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWith } from "../tools.ts";
import { readSystemCalls, type SystemCall, tracingCommand } from "./system-calls.ts";

interface Upload {
  hash: string;
  content: string;
}

interface Traced {
  dataFolder: string;
  calls: SystemCall[];
}

const kept = [
  "body written",
  "body synced",
  "blob named",
  "blob's name synced",
  "row written",
  "row synced",
  "upload answered",
];

async function put(larder: RunningLarder, { hash, content }: Upload): Promise<void> {
  const response = await fetch(`${larder.url}/v8/artifacts/${hash}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${larder.firstToken}` },
    body: content,
  });
  expect(response.status).toBe(202);
}

/** What the server asked of the system from its start to its end. */
async function trace(
  path: string,
  work: (larder: RunningLarder) => Promise<void>,
  syncDelayMs?: number,
  args: string[] = [],
): Promise<Traced> {
  using folder = temporaryFolder();
  const traceFile = join(folder.path, "trace");
  await using larder = await startLarder({
    command: [...tracingCommand(path, traceFile, syncDelayMs), ...larderCommand],
    args,
    startTimeoutMs: 60_000,
  });
  await work(larder);
  expect(await larder.stop()).toBe(0);
  return { dataFolder: larder.dataFolder, calls: readSystemCalls(traceFile) };
}

function blobFile({ dataFolder }: RunningLarder, { content }: Upload): string {
  const { blobFiles } = holdingsOf(dataFolder);
  return join(dataFolder, "blobs", blobFiles.find((file) => file.endsWith(sha256Of(content))) ?? "none");
}

const isSync = ({ name }: SystemCall) => name === "fsync" || name === "fdatasync";

function syncsOf({ calls }: Traced, path: string): SystemCall[] {
  return calls.filter((call) => isSync(call) && call.openPath === path);
}

function answers({ calls }: Traced): SystemCall[] {
  return calls.filter(({ texts }) => texts.some((text) => text.startsWith("HTTP/1.1 202 ")));
}

const walOf = ({ dataFolder }: Traced) => join(dataFolder, "larder.db-wal");

/** The steps of an upload, those that it took. Its hash stands in the rows that it writes, and in its answer. */
function stepsOf(traced: Traced, { hash, content }: Upload) {
  const { calls, dataFolder } = traced;
  const names = (call: SystemCall, text: string) => call.texts.some((one) => one.includes(text));
  const writes = (path: string) => calls.filter((call) => /write/.test(call.name) && call.openPath === path);
  const named = calls.findLast(
    ({ name, texts: [, to = ""] }) =>
      /^(link|rename)/.test(name) &&
      dirname(to).startsWith(`${dataFolder}/blobs`) &&
      to.endsWith(sha256Of(content)),
  );
  if (!named) throw new Error("No blob was given its name.");
  const [temporary, blob] = named.texts as [string, string];
  const rowWritten = writes(walOf(traced)).find((call) => names(call, hash));
  return {
    "body written": writes(temporary).at(-1),
    "body synced": syncsOf(traced, temporary).at(-1),
    "blob named": named,
    // Whoever asked for it: the first that is done.
    "blob's name synced": syncsOf(traced, dirname(blob))
      .filter(({ begin }) => begin > named.end)
      .toSorted((a, b) => a.end - b.end)[0],
    "row written": rowWritten,
    "row synced": rowWritten && syncsOf(traced, walOf(traced)).find(({ begin }) => begin > rowWritten.end),
    "upload answered": answers(traced).find((call) => names(call, hash)),
    "temporary name removed": calls.find(
      ({ name, texts }) => /^unlink/.test(name) && texts.includes(temporary),
    ),
  };
}

/** Names of the steps in the order in which they were begun. */
function orderOf(steps: Record<string, SystemCall | undefined>): string[] {
  const taken = Object.entries(steps).filter((step): step is [string, SystemCall] => step[1] !== undefined);
  taken.sort(([, a], [, b]) => a.begin - b.begin);
  return taken.map(([name, { begin }], index) => {
    const before = taken[index - 1];
    return before && begin < before[1].end ? `${name} before the end of ${before[0]}` : name;
  });
}

function expectKept(traced: Traced, upload: Upload): void {
  const { "temporary name removed": _, ...steps } = stepsOf(traced, upload);
  expect(orderOf(steps)).toEqual(kept);
}

/** After a crash the temporary name is what tells of a blob that had not got into the books. */
function expectTemporaryNameKept(traced: Traced, upload: Upload): void {
  const { "row synced": synced, "temporary name removed": removed } = stepsOf(traced, upload);
  const order = ["row synced", "temporary name removed"];
  expect(orderOf({ "row synced": synced, "temporary name removed": removed })).toEqual(order);
}

/** Every folder's name is durable before the next upload is answered. */
function expectFoldersKept(traced: Traced): void {
  const made = traced.calls.filter(
    ({ name, texts: [path = ""] }) => /^mkdir/.test(name) && path.startsWith(`${traced.dataFolder}/`),
  );
  expect(made).not.toEqual([]);
  const unkept = made.filter(({ texts: [path = ""], end }) => {
    const answer = answers(traced).find(({ begin }) => begin > end);
    const sync = syncsOf(traced, dirname(path)).find(({ begin }) => begin > end);
    return !answer || !sync || sync.end > answer.begin;
  });
  expect(unkept.map(({ texts }) => texts[0])).toEqual([]);
}

const first: Upload = { hash: "durablefirst", content: "kept ".repeat(100_000) };
const second: Upload = { hash: "durablesecond", content: first.content };

describeWith(strace, "loss of power", (path) => {
  test("does not take an upload that was answered: its bytes, its name and its row are synced before, in this order", async () => {
    const traced = await trace(path, (larder) => put(larder, first));
    expectKept(traced, first);
    expectTemporaryNameKept(traced, first);
    expectFoldersKept(traced);
  }, 120_000);

  test("does not take an upload that mends a blob that was cut short", async () => {
    const traced = await trace(path, async (larder) => {
      await put(larder, first);
      truncateSync(blobFile(larder, first), 2);
      await put(larder, second);
    });
    expectKept(traced, second);
  }, 120_000);

  test("does not take an upload whose folder had to be made again", async () => {
    const traced = await trace(path, async (larder) => {
      await put(larder, first);
      rmSync(dirname(blobFile(larder, first)), { recursive: true });
      await put(larder, second);
    });
    expectKept(traced, second);
    expectFoldersKept(traced);
  }, 120_000);

  test("does not take an upload of bytes whose name another upload has given and not yet synced", async () => {
    const hasBlob = (larder: RunningLarder) => holdingsOf(larder.dataFolder).blobFiles.length > 0;
    // So that the second upload comes while the first one's name is being synced.
    const syncDelayMs = 150;
    const traced = await trace(
      path,
      async (larder) => {
        const before = put(larder, first);
        await until(larder.url, () => hasBlob(larder));
        await Promise.all([before, put(larder, second)]);
      },
      syncDelayMs,
    );
    expectKept(traced, first);
    expectKept(traced, second);
  }, 120_000);

  test("does not take uploads that came together, and they share the syncs of the database", async () => {
    const uploads = Array.from({ length: 32 }, (_, index) => ({
      hash: `durable${index + 10}`,
      content: `content ${index + 10}`,
    }));
    const traced = await trace(path, async (larder) => {
      await Promise.all(uploads.map((upload) => put(larder, upload)));
    });
    for (const upload of uploads) {
      expectKept(traced, upload);
      expectTemporaryNameKept(traced, upload);
    }
    const rows = uploads.map((upload) => stepsOf(traced, upload)["row synced"]);
    expect(new Set(rows).size).toBeLessThan(uploads.length);
  }, 120_000);

  test.each([["small", { hash: "durablesmall", content: "kept" }] as const, ["large", first] as const])(
    'is not waited for under durability "fast", and all else stays in order: a %s upload',
    async (_, upload) => {
      const traced = await trace(path, (larder) => put(larder, upload), undefined, ["--durability", "fast"]);
      const {
        "temporary name removed": removed,
        "row synced": rowSynced,
        "upload answered": answered,
        ...steps
      } = stepsOf(traced, upload);
      // Not the temporary name: nobody waits for it to go.
      expect(removed).toBeDefined();
      expect(orderOf({ ...steps, "upload answered": answered })).toEqual(
        kept.filter((step) => !step.endsWith("synced")),
      );
      // The database syncs its log when it closes.
      expect(rowSynced?.begin ?? Number.POSITIVE_INFINITY).toBeGreaterThan(answered?.end ?? 0);
    },
    120_000,
  );
});
