import { expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { startLarder } from "../larder.ts";
import { blobFileOf, holdingsOf, sha256Of } from "../server/holdings.ts";
import { logLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const bytes = "bytes that will be damaged";
const sha256 = sha256Of(bytes);

test.each([
  ["missing", (path: string) => rmSync(path), undefined],
  ["cut short", (path: string) => truncateSync(path, 5), "bytes"],
  ["empty", (path: string) => truncateSync(path, 0), ""],
  ["too long", (path: string) => appendFileSync(path, "!"), `${bytes}!`],
])(
  "a blob that is %s makes misses and never wrong bytes, is set aside, and mended by an upload",
  async (_, damage, remains) => {
    await using larder = await startLarder();
    const ask = (method: string, path: string, body?: string) =>
      fetch(`${larder.url}/v8/artifacts${path}`, {
        method,
        headers: { authorization: `Bearer ${larder.firstToken}` },
        ...(body !== undefined && { body }),
      });
    for (const hash of ["one", "two"]) expect((await ask("PUT", `/${hash}`, bytes)).status).toBe(202);
    expect((await ask("PUT", "/sound", "sound")).status).toBe(202);
    damage(join(larder.dataFolder, "blobs", blobFileOf(sha256)));

    const query = async () => (await ask("POST", "", '{"hashes":["one","two","sound"]}')).json();
    const sound = { size: 5, taskDurationMs: 0 };
    const parallel = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/one")));
    expect(parallel.map(({ status }) => status)).toEqual(Array(20).fill(404));
    expect((await ask("HEAD", "/two")).status).toBe(404);
    expect(await query()).toEqual({ one: null, two: null, sound });
    const { blobFiles, quarantinedFiles } = holdingsOf(larder.dataFolder);
    expect(blobFiles).toEqual([blobFileOf(sha256Of("sound"))]);
    expect(quarantinedFiles).toEqual(remains === undefined ? [] : [sha256]);
    if (remains !== undefined) {
      expect(readFileSync(join(larder.dataFolder, "quarantine", sha256), "utf8")).toBe(remains);
    }

    // One upload mends all that held those bytes.
    expect((await ask("PUT", "/one", bytes)).status).toBe(202);
    for (const hash of ["one", "two"]) expect(await (await ask("GET", `/${hash}`)).text()).toBe(bytes);
    const whole = { size: bytes.length, taskDurationMs: 0 };
    expect(await query()).toEqual({ one: whole, two: whole, sound });

    expect(await larder.stop()).toBe(0);
    const said = logLines(larder.stderr()).filter(({ msg }) => msg.includes("quarantined"));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ level: "error", sha256, sizeBytes: bytes.length });
  },
);

test("an upload over a damaged blob mends it before anybody has read it", async () => {
  await using larder = await startLarder();
  const headers = { authorization: `Bearer ${larder.firstToken}` };
  const url = `${larder.url}/v8/artifacts/one`;
  await fetch(url, { method: "PUT", body: bytes, headers });
  truncateSync(join(larder.dataFolder, "blobs", blobFileOf(sha256)), 3);
  expect((await fetch(url, { method: "PUT", body: bytes, headers })).status).toBe(202);
  expect(await (await fetch(url, { headers })).text()).toBe(bytes);
});

test("a team that never overwrites may upload other bytes where the first are damaged", async () => {
  await using larder = await startLarder();
  const headers = { authorization: `Bearer ${larder.firstToken}` };
  const url = `${larder.url}/v8/artifacts/one`;
  expect((await larder.cli("team", "set", "default", "--overwrite", "never")).exitCode).toBe(0);
  await fetch(url, { method: "PUT", body: bytes, headers });
  expect((await fetch(url, { method: "PUT", body: "other", headers })).status).toBe(409);
  rmSync(join(larder.dataFolder, "blobs", blobFileOf(sha256)));
  expect((await fetch(url, { headers })).status).toBe(404);
  expect((await fetch(url, { method: "PUT", body: "other", headers })).status).toBe(202);
  expect(await (await fetch(url, { headers })).text()).toBe("other");
});

test("what has been set aside for over 30 days is removed by the server itself, which logs it", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const quarantine = join(dataFolder, "quarantine");
  mkdirSync(quarantine, { recursive: true });
  for (const [content, daysAgo] of [
    ["long ago", 31],
    ["even longer", 400],
    ["recent", 29],
  ] as const) {
    const path = join(quarantine, sha256Of(content));
    writeFileSync(path, content);
    utimesSync(path, new Date(), new Date(Date.now() - daysAgo * 86_400_000));
  }
  await using larder = await startLarder({ dataFolder });
  await until(larder.url, () => holdingsOf(dataFolder).quarantinedFiles.length === 1);
  expect(holdingsOf(dataFolder).quarantinedFiles).toEqual([sha256Of("recent")]);
  expect(await larder.stop()).toBe(0);
  expect(logLines(larder.stderr())).toContainEqual(
    expect.objectContaining({ msg: "old blobs removed from quarantine", blobs: 2, sizeBytes: 19 }),
  );
});
