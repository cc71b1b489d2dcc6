import { expect, test } from "bun:test";
import { join } from "node:path";
import { strace } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { holdingsOf } from "../server/holdings.ts";
import { describeWith } from "../tools.ts";

/** Lets the server's every sync of a file fail, as of a disk that has lost what was written. Once it has begun. */
async function failSyncs(program: string, { process: { pid } }: RunningLarder, file: string) {
  const tracer = Bun.spawn(
    [program, "-f", "-e", "inject=fdatasync:error=EIO", "-e", "trace=fdatasync", "-P", file, "-p", `${pid}`],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const { promise: attached, resolve } = Promise.withResolvers<void>();
  // Read to its end: it writes a line for each new thread, too, and would die of nobody reading it.
  const told = (async () => {
    let text = "";
    for await (const chunk of tracer.stderr) {
      text += new TextDecoder().decode(chunk);
      if (text.includes("attached")) resolve();
    }
  })();
  await Promise.race([attached, told]);
  return {
    async [Symbol.asyncDispose]() {
      tracer.kill("SIGINT");
      await Promise.all([tracer.exited, told]);
    },
  };
}

describeWith(strace, "a disk that loses what was written", (program) => {
  test("fails the large upload whose bytes these were, though its last sync succeeds", async () => {
    await using larder = await startLarder();
    const client = new TurboClient(larder.url, larder.firstToken);
    const temporary = join(larder.dataFolder, "tmp", `${larder.process.pid}-1`);
    {
      await using _failing = await failSyncs(program, larder, temporary);
      expect((await client.put("large", new Uint8Array(100 * 1024 * 1024))).status).toBe(500);
    }
    expect((await client.get("large")).status).toBe(404);
    expect((await client.put("large", "whole")).status).toBe(202);
    expect(await (await client.get("large")).text()).toBe("whole");
    expect(await larder.stop()).toBe(0);
    expect(holdingsOf(larder.dataFolder).temporaryFiles).toEqual([]);
  }, 120_000);

  test("ends the server when it lost the database's log: nobody is told that an upload is kept", async () => {
    await using larder = await startLarder();
    const client = new TurboClient(larder.url, larder.firstToken);
    expect((await client.put("before", "kept")).status).toBe(202);
    {
      await using _failing = await failSyncs(program, larder, join(larder.dataFolder, "larder.db-wal"));
      expect(await client.put("lost", "lost").catch(() => "no answer")).toBe("no answer");
      expect(await larder.process.exited).toBe(1);
    }
    // Whose last words may come after the news of its end.
    expect(await larder.stop()).toBe(1);
    expect(larder.stderr()).toContain("check the disk, then start larder again");

    await using again = await startLarder({ dataFolder: larder.dataFolder });
    const next = new TurboClient(again.url, larder.firstToken);
    expect(await (await next.get("before")).text()).toBe("kept");
    expect((await next.put("after", "kept")).status).toBe(202);
  }, 120_000);
});
