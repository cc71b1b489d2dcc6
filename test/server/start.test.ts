import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../src/version.ts";
import { tmpfs } from "../known-tools.ts";
import { emptyEnvironment, type Finished, larderCommand, run, startLarder } from "../larder.ts";
import { describeWith } from "../tools.ts";
import { logLines } from "./log-lines.ts";

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "larder-start-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** A server that is expected to end by itself. */
function serve(dataFolder: string, port: string | number = 0): Promise<Finished> {
  const args = ["serve", "--data", dataFolder, "--host", "127.0.0.1", "--port", String(port)];
  return run([...larderCommand, ...args], { cwd: scratch, env: emptyEnvironment(scratch) });
}

function expectRefused({ stdout, stderr, exitCode }: Finished, ...parts: (string | number)[]): void {
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
  // One sentence for the reader, and no trace of the program's insides.
  expect(stderr).toStartWith("larder: ");
  expect(stderr).not.toContain("    at ");
  expect(stderr).not.toContain("fault in larder");
  for (const part of parts) expect(stderr).toContain(String(part));
}

describe("a start", () => {
  test("on a data folder that is served already names the server that has it, and leaves it alone", async () => {
    await using larder = await startLarder();
    const before = await readFile(join(larder.dataFolder, "server.json"), "utf8");
    expectRefused(await serve(larder.dataFolder), larder.process.pid, larder.dataFolder, "--data");
    expect(await readFile(join(larder.dataFolder, "server.json"), "utf8")).toBe(before);
    expect((await fetch(`${larder.url}/health/ready`)).status).toBe(200);
  });

  test("on a port that is taken names it, and leaves a private data folder that another can take", async () => {
    await using larder = await startLarder();
    const { port } = new URL(larder.url);
    const dataFolder = join(scratch, "port");
    expectRefused(await serve(dataFolder, port), port, "--port");
    expect(await readdir(dataFolder)).not.toContain("server.json");
    expect((await stat(dataFolder)).mode & 0o077).toBe(0);
    await using second = await startLarder({ dataFolder });
    expect((await fetch(`${second.url}/health/ready`)).status).toBe(200);
  });

  test.each(["300.1.1.1", "192.0.2.1", "no-such-host.invalid", "::zz"])(
    "on %s, which is not of this machine, says so",
    async (host) => {
      const args = ["serve", "--data", join(scratch, "host"), "--host", host, "--port", "0"];
      const finished = await run([...larderCommand, ...args], {
        cwd: scratch,
        env: emptyEnvironment(scratch),
      });
      expectRefused(
        finished,
        `larder: ${host} is no address of this machine. Choose one of its own with --host`,
      );
    },
  );

  test("after a crash takes the folder that nobody serves any more", async () => {
    await using larder = await startLarder();
    await larder.kill();
    await using second = await startLarder({ dataFolder: larder.dataFolder });
    expect((await fetch(`${second.url}/health/ready`)).status).toBe(200);
    // The token is shown once only, so one that was printed before the crash has to go on.
    expect(second.stdout()).not.toContain("lrd_");
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    expect((await fetch(`${second.url}/v8/artifacts/status`, { headers })).status).toBe(200);
  });

  test("on a data folder of a newer larder names both versions and changes nothing", async () => {
    await using larder = await startLarder();
    expect(await larder.stop()).toBe(0);
    const path = join(larder.dataFolder, "larder.db");
    const database = new Database(path);
    database.run("INSERT INTO schema_migrations VALUES (1000, 'later', '99.1.2', 0)");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    const before = Bun.SHA256.hash(await readFile(path), "hex");

    expectRefused(await serve(larder.dataFolder), "99.1.2", `larder ${version}`, "1000");
    expect(Bun.SHA256.hash(await readFile(path), "hex")).toBe(before);
    const list = await larder.cli("team", "list");
    expect(list.exitCode).toBe(1);
    expect(list.stderr).toContain("99.1.2");
    expect(Bun.SHA256.hash(await readFile(path), "hex")).toBe(before);
  });

  test("on a disk with less room than has to stay free serves, and warns", async () => {
    await using larder = await startLarder({ args: ["--min-free", "1000TiB"] });
    expect((await fetch(`${larder.url}/health/live`)).status).toBe(200);
    expect(await larder.stop()).toBe(0);
    const warnings = logLines(larder.stderr()).filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([{ msg: "no room for uploads", minFree: 1000 * 1024 ** 4 }]);
  });

  test("on a data folder that cannot be created says so", async () => {
    await Bun.write(join(scratch, "file"), "");
    expectRefused(await serve(join(scratch, "file", "data")), join(scratch, "file", "data"), "--data");
  });

  test("on a file in place of the data folder says so", async () => {
    expectRefused(await serve(join(scratch, "file")), join(scratch, "file"));
  });

  test("on a database that is none says so", async () => {
    const dataFolder = join(scratch, "broken");
    await Bun.write(join(dataFolder, "larder.db"), "This is no database. ".repeat(100));
    expectRefused(await serve(dataFolder), join(dataFolder, "larder.db"));
  });

  test("on something else in place of the database says so", async () => {
    const dataFolder = join(scratch, "odd");
    await mkdir(join(dataFolder, "larder.db"), { recursive: true });
    expectRefused(await serve(dataFolder), join(dataFolder, "larder.db"));
  });
});

describeWith(tmpfs, "a start on a disk that cannot be written", () => {
  test("says so", async () => {
    const folder = join(scratch, "read-only");
    await mkdir(folder);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "ro,size=64k", "larder", folder]).status).toBe(0);
    try {
      expectRefused(await serve(join(folder, "data")), join(folder, "data"), "--data");
      expectRefused(await serve(folder), folder);
    } finally {
      spawnSync("umount", [folder]);
    }
  });
});
