import { expect, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { holdingsOf } from "./holdings.ts";
import { errorLines } from "./log-lines.ts";
import { RawConnection } from "./raw-connection.ts";

test("a connection that stands still is closed, and a slow upload that moves lives on", async () => {
  await using larder = await startLarder({ args: ["--idle-timeout", "5s", "--shutdown-timeout", "1s"] });
  const head = (hash: string, sizeBytes: number) =>
    `PUT /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\nContent-Length: ${sizeBytes}\r\n\r\n`;
  using idle = await RawConnection.open(larder.url);
  await idle.send("GET /health/live HTTP/1.1\r\nHost: cache.test\r\n\r\n");
  expect((await idle.answer()).status).toBe(200);
  using stalled = await RawConnection.open(larder.url);
  await stalled.send(`${head("stalled", 10)}01234`);
  using halfAsked = await RawConnection.open(larder.url);
  await halfAsked.send("GET /health/live HTTP/1.1\r\nHo");

  const body = "x".repeat(1000);
  using slow = await RawConnection.open(larder.url);
  await slow.send(head("slow", body.length));
  let areClosed = false;
  Promise.all([idle.closed, stalled.closed, halfAsked.closed]).then(() => {
    areClosed = true;
  });
  let sent = 0;
  // The pace is what is tested: each byte comes well within the timeout, all of them together well after it.
  for (; !areClosed && sent < body.length - 1; sent++) {
    await slow.send("x");
    await Bun.sleep(100);
  }
  expect(areClosed).toBe(true);
  expect(sent).toBeGreaterThan(5);
  await slow.send(body.slice(sent));
  expect((await slow.answer()).status).toBe(202);

  expect(await larder.stop()).toBe(0);
  const { artifacts, temporaryFiles } = holdingsOf(larder.dataFolder);
  expect([artifacts.map(({ hash }) => hash), temporaryFiles]).toEqual([["slow"], []]);
  expect(errorLines(larder.stderr())).toEqual([]);
}, 120_000);
