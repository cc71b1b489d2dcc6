import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientUrls } from "../../src/server/client-urls.ts";
import { keepServersOff, lockData, runningServer } from "../../src/server/data-lock.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("the server that runs on a data folder", () => {
  test("is known by the lock it holds, from its start to its end", () => {
    using folder = temporaryFolder();
    const lock = lockData(folder.path);
    expect(runningServer(folder.path)).toEqual({ pid: process.pid });
    lock.announce("http://localhost:1", ["http://192.0.2.1:1"]);
    expect(runningServer(folder.path)).toEqual({
      pid: process.pid,
      url: "http://localhost:1",
      networkUrls: ["http://192.0.2.1:1"],
    });
    lock.release();
    expect(runningServer(folder.path)).toBeUndefined();
  });

  test("is none, whatever process has the id that a crashed one left behind", () => {
    using folder = temporaryFolder();
    lockData(folder.path).release();
    writeFileSync(join(folder.path, "server.json"), JSON.stringify({ pid: process.pid, url: "http://x" }));
    expect(runningServer(folder.path)).toBeUndefined();
  });

  test("is none where there is no lock, and asking makes none", () => {
    using folder = temporaryFolder();
    expect(runningServer(folder.path)).toBeUndefined();
    expect(runningServer(join(folder.path, "missing"))).toBeUndefined();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("may be unable to say anything, and is there all the same", () => {
    using folder = temporaryFolder();
    const lock = lockData(folder.path);
    writeFileSync(join(folder.path, "server.json"), "{");
    expect(runningServer(folder.path)).toEqual({});
    lock.release();
  });
});

test("servers are kept off until that is disposed of, and it cannot be had while one runs", () => {
  using folder = temporaryFolder();
  {
    using held = keepServersOff(folder.path, "larder verify");
    expect(held).toBeDefined();
    expect(() => lockData(folder.path)).toThrow(
      `\`larder verify\` (pid ${process.pid}) is at work on ${folder.path}. Wait until it has ended`,
    );
    expect(runningServer(folder.path)).toBeUndefined();
  }
  expect(readdirSync(folder.path)).toEqual(["server.lock"]);
  const lock = lockData(folder.path);
  expect(keepServersOff(folder.path, "larder gc")).toBeUndefined();
  lock.release();
});

describe("a command on a data folder without a server", () => {
  const module = join(import.meta.dir, "../../src/server/data-lock.ts");

  test("is waited for by another one if it is short", async () => {
    using folder = temporaryFolder();
    const holding = `
      const { keepServersOff } = await import(process.argv.at(-2));
      using lock = keepServersOff(process.argv.at(-1), "larder purge");
      console.log("held");
      await Bun.sleep(1_500);
    `;
    const child = Bun.spawn([process.execPath, "-e", holding, module, folder.path], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    {
      using held = keepServersOff(folder.path, "larder gc");
      expect(held).toBeDefined();
    }
    expect(await child.exited).toBe(0);
  });

  test("that has yet to leave word is not taken for a server before it has had its time", () => {
    using folder = temporaryFolder();
    using lock = new Database(join(folder.path, "server.lock"));
    lock.run("BEGIN EXCLUSIVE");
    const begunAt = performance.now();
    expect(keepServersOff(folder.path, "larder gc", 2_000)).toBeUndefined();
    expect(performance.now() - begunAt).toBeGreaterThan(2_000);
  });

  test("is named to another one if it is long, and never taken for a server", () => {
    using folder = temporaryFolder();
    using _ = keepServersOff(folder.path, "larder verify");
    expect(() => keepServersOff(folder.path, "larder gc", 0)).toThrow(
      `\`larder verify\` (pid ${process.pid}) is at work on ${folder.path}.`,
    );
  });

  test("that was killed is nobody's concern", () => {
    using folder = temporaryFolder();
    lockData(folder.path).release();
    const state = JSON.stringify({ pid: process.pid, command: "larder verify" });
    writeFileSync(join(folder.path, "server.json"), state);
    const lock = lockData(folder.path);
    expect(runningServer(folder.path)).toEqual({ pid: process.pid });
    expect(keepServersOff(folder.path, "larder gc", 0)).toBeUndefined();
    lock.release();
  });
});

describe("the URL that clients use", () => {
  const settings = { publicUrl: undefined, host: "127.0.0.1", port: 80, basePath: "/cache" };

  test("is the public one, else the running server's, else a guess", () => {
    using folder = temporaryFolder();
    const from = { ...settings, data: folder.path };
    const guess = { url: "http://127.0.0.1:80/cache", networkUrls: [], isGuess: true };
    expect(clientUrls(from)).toEqual(guess);
    const lock = lockData(folder.path);
    expect(clientUrls(from)).toEqual(guess);
    lock.announce("http://localhost:1", ["http://192.0.2.1:1"]);
    expect(clientUrls(from)).toEqual({
      url: "http://localhost:1",
      networkUrls: ["http://192.0.2.1:1"],
      isGuess: false,
    });
    expect(clientUrls({ ...from, publicUrl: "https://cache.example.com" })).toEqual({
      url: "https://cache.example.com",
      networkUrls: [],
      isGuess: false,
    });
    lock.release();
  });
});
