import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLarder } from "./larder.ts";

// Stands for larder, so that what fails here is the harness.
const standIn = `
  const [command, ...args] = process.argv.slice(2);
  if (command !== "serve") {
    console.log(command, JSON.stringify(process.env.HOME !== undefined));
    process.exit(3);
  }
  if (args.includes("--broken")) {
    console.error("the oven is cold");
    process.exit(4);
  }
  process.on("SIGTERM", () => process.exit(args.includes("--orderly") ? 7 : 0));
  console.log("env", Object.keys(process.env).sort().join(" "));
  console.log("cwd", process.cwd());
  await Bun.write(args[args.indexOf("--data") + 1] + "/larder.db", "");
  if (args.includes("--silent")) setInterval(() => {}, 1e6);
  else {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") });
    const publicUrl = args.includes("--public-url") && args[args.indexOf("--public-url") + 1];
    console.log(\`larder 0 serves at \${publicUrl || server.url}\n\nexport TURBO_TOKEN="lrd_abc123"\`);
    console.error(JSON.stringify({ url: server.url, msg: "larder serves" }));
  }
`;

let folder: string;
let command: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "larder-harness-"));
  await Bun.write(join(folder, "stand-in.ts"), standIn);
  command = [process.execPath, join(folder, "stand-in.ts")];
});
afterEach(() => rm(folder, { recursive: true }));

describe("a larder under test", () => {
  test("answers as soon as it is there, and gives its first token", async () => {
    await using larder = await startLarder({ command });
    expect(await (await fetch(larder.url)).text()).toBe("hello");
    expect(larder.firstToken).toBe("lrd_abc123");
  });

  test("is asked where it listens, whatever its public URL is", async () => {
    await using larder = await startLarder({ command, args: ["--public-url", "https://cache.example.com"] });
    expect(await (await fetch(larder.url)).text()).toBe("hello");
  });

  test("has nothing of this machine's environment, and an empty folder of its own", async () => {
    await using larder = await startLarder({ command, env: { EXTRA: "1" } });
    expect(larder.stdout()).toContain("env EXTRA HOME PATH\n");
    expect(larder.stdout()).not.toContain(`cwd ${process.cwd()}`);
  });

  test("stops with the exit code it chose", async () => {
    await using larder = await startLarder({ command, args: ["--orderly"] });
    expect(await larder.stop()).toBe(7);
  });

  test("runs other commands beside it", async () => {
    await using larder = await startLarder({ command });
    expect(await larder.cli("token")).toEqual({ stdout: "token true\n", stderr: "", exitCode: 3 });
  });

  test("starts again on the data folder of one that was killed", async () => {
    await using first = await startLarder({ command });
    await first.kill();
    await using second = await startLarder({ command, dataFolder: first.dataFolder });
    expect(await (await fetch(second.url)).text()).toBe("hello");
    expect(second.process.pid).not.toBe(first.process.pid);
  });

  test("leaves no process and no folder behind", async () => {
    const larder = await startLarder({ command });
    expect(existsSync(larder.dataFolder)).toBe(true);
    await larder[Symbol.asyncDispose]();
    expect(larder.process.signalCode).toBe("SIGKILL");
    expect(existsSync(larder.dataFolder)).toBe(false);
  });

  test("that ends instead of listening is reported with what it printed", async () => {
    const start = startLarder({ command, args: ["--broken"] });
    await expect(start).rejects.toThrow("larder ended with 4 instead of listening.\nthe oven is cold");
  });

  test("that never listens is reported with what it printed", async () => {
    let message = "";
    // On a busy machine it takes a while to print anything.
    for (let startTimeoutMs = 500; !message.includes("env") && startTimeoutMs < 60_000; startTimeoutMs *= 2) {
      const start = startLarder({ command, args: ["--silent"], startTimeoutMs });
      message = await start.then(() => "listening").catch((error) => error.message);
    }
    expect(message).toMatch(/took \d+ ms instead of listening.\nenv HOME PATH/s);
  });
});
