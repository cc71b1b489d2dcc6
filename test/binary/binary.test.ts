import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildBinary } from "../../build/binary.ts";
import packageJson from "../../package.json" with { type: "json" };
import { takenFromOutside } from "../admin/outside.ts";
import { openWorld } from "../admin/world.ts";
import { run, startLarder } from "../larder.ts";

const name = process.platform === "win32" ? "larder.exe" : "larder";
let scratch: string;
/** The binary, with nothing beside it. */
let binary: string;

beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), "larder-binary-")));
  const built = join(scratch, "built", name);
  await mkdir(dirname(built));
  await buildBinary({ outfile: built });
  binary = join(scratch, "alone", name);
  await mkdir(dirname(binary));
  await copyFile(built, binary);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A command that gives the binary an empty environment, with only these variables in it. */
function bare(variables: Record<string, string> = {}): string[] {
  return ["env", "-i", ...Object.entries(variables).map(([key, value]) => `${key}=${value}`), binary];
}

function artifact(larder: { url: string }, hash: string): string {
  return `${larder.url}/v8/artifacts/${hash}`;
}

async function put(larder: { url: string }, token: string, hash: string, body: Uint8Array<ArrayBuffer>) {
  return await fetch(artifact(larder, hash), {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
    body,
  });
}

async function get(larder: { url: string }, token: string, hash: string) {
  return await fetch(artifact(larder, hash), { headers: { authorization: `Bearer ${token}` } });
}

const hash = "0123456789abcdef";
const bytes = crypto.getRandomValues(new Uint8Array(60_000));

async function expectSameBytes(answer: Response): Promise<void> {
  expect(answer.status).toBe(200);
  // Not `toEqual`, which would print all of them.
  expect(Bun.SHA256.hash(await answer.bytes(), "hex")).toBe(Bun.SHA256.hash(bytes, "hex"));
}

describe.skipIf(process.platform === "win32")(
  "the binary, alone in a folder and with an empty environment",
  () => {
    test("says its version", async () => {
      const { stdout, exitCode } = await run([...bare(), "--version"], { cwd: scratch, env: {} });
      expect(stdout).toContain(packageJson.version);
      expect(exitCode).toBe(0);
    });

    test("keeps what was put across a restart, under the token of its first start", async () => {
      await using first = await startLarder({ command: bare(), cwd: dirname(binary) });
      const token = first.firstToken;
      expect((await put(first, token, hash, bytes)).status).toBe(202);
      await expectSameBytes(await get(first, token, hash));
      expect(await first.stop()).toBe(0);

      await using second = await startLarder({
        command: bare(),
        cwd: dirname(binary),
        dataFolder: first.dataFolder,
      });
      await expectSameBytes(await get(second, token, hash));
      expect(await readdir(dirname(binary))).toEqual([name]);
    });

    test("makes tokens that the running server knows at once", async () => {
      await using larder = await startLarder({ command: bare() });
      expect((await put(larder, larder.firstToken, hash, bytes)).status).toBe(202);
      const { stdout, stderr, exitCode } = await larder.cli(
        ..."token create --team default --permission read --name beside".split(" "),
      );
      expect({ stderr, exitCode }).toEqual({ stderr, exitCode: 0 });
      const token = /lrd_\w+/.exec(stdout)?.[0] as string;
      expect(token).not.toBe(larder.firstToken);
      expect((await get(larder, token, hash)).status).toBe(200);
    });

    test("takes nothing that its description says it does not", async () => {
      await using world = await openWorld({ command: bare() });
      await world.admin.ok("POST", "/teams", { slug: "web" });
      const { count, taken } = await takenFromOutside(world);
      expect(taken).toEqual([]);
      expect(count).toBeGreaterThan(150);
    });

    test("keeps its data in the user's folder unless told otherwise", async () => {
      const home = join(scratch, "home");
      await mkdir(home);
      const server = Bun.spawn([...bare({ HOME: home }), "serve", "--host", "127.0.0.1", "--port", "0"], {
        cwd: dirname(binary),
        stdin: "ignore",
        stderr: "ignore",
        stdout: "pipe",
      });
      try {
        const reader = server.stdout.getReader();
        const welcome = new TextDecoder().decode((await reader.read()).value);
        expect(welcome).toContain(" serves at http://127.0.0.1:");
      } finally {
        server.kill("SIGKILL");
        await server.exited;
      }
      const folder =
        process.platform === "darwin" ? "Library/Application Support/larder" : ".local/share/larder";
      expect(await readdir(join(home, folder))).toContain("blobs");
      expect(await readdir(dirname(binary))).toEqual([name]);
    });

    test("takes no settings from the folder that it is started in", async () => {
      const project = join(scratch, "project");
      await mkdir(project);
      await Bun.write(join(project, ".env"), "LARDER_PORT=none\nTURBO_TOKEN=from-dotenv\n");
      await Bun.write(join(project, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
      await Bun.write(join(project, "package.json"), '{ "type": "broken" ');
      await Bun.write(join(project, "tsconfig.json"), "broken");
      await using larder = await startLarder({ command: bare(), cwd: project });
      expect((await get(larder, "from-dotenv", hash)).status).toBe(401);
    });
  },
);
