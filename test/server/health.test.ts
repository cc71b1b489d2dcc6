import { expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { type RunningLarder, startLarder } from "../larder.ts";
import { RawConnection } from "./raw-connection.ts";

async function health(larder: RunningLarder, path: string, method = "GET") {
  const response = await fetch(`${larder.url}/health/${path}`, { method });
  const text = await response.text();
  return { status: response.status, body: text && JSON.parse(text) };
}

test("a server says that it lives and is ready, to anybody", async () => {
  await using larder = await startLarder();
  expect(await health(larder, "live")).toEqual({ status: 200, body: { status: "live" } });
  expect(await health(larder, "ready")).toEqual({ status: 200, body: { status: "ready" } });
  expect(await health(larder, "ready", "HEAD")).toEqual({ status: 200, body: "" });
});

test("a server with a base path is found with it and without", async () => {
  await using larder = await startLarder({ args: ["--base-path", "/cache"] });
  for (const url of [larder.url, new URL(larder.url).origin]) {
    for (const path of ["live", "ready"]) expect((await fetch(`${url}/health/${path}`)).status).toBe(200);
  }
});

test("a server that has lost its data folder lives, is not ready, says why, and recovers", async () => {
  await using larder = await startLarder({ args: ["--base-path", "/cache"] });
  const away = `${larder.dataFolder}-away`;
  await rename(larder.dataFolder, away);
  for (const url of [larder.url, new URL(larder.url).origin]) {
    const response = await fetch(`${url}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: "unready",
      reasons: Array(3).fill(expect.stringContaining("no such file")),
    } as never);
  }
  expect((await health(larder, "live")).status).toBe(200);
  await rename(away, larder.dataFolder);
  expect((await health(larder, "ready")).status).toBe(200);
});

test("a load balancer that asks in HTTP/1.0 without a Host is answered", async () => {
  await using larder = await startLarder();
  using connection = await RawConnection.open(larder.url);
  await connection.send("GET /health/ready HTTP/1.0\r\n\r\n");
  const { status, body } = await connection.answer();
  expect([status, body.toString()]).toEqual([200, '{"status":"ready"}']);
});
