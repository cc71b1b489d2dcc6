import { expect, test } from "bun:test";
import { metricsAlone } from "../../src/metrics/metrics-route.ts";

const metrics = { text: async () => "larder_up 1\n", contentType: "text/plain" };
const statusOf = async (url: string, host = "127.0.0.1") =>
  (await metricsAlone(metrics, host)(new Request(url))).status;

test("metrics on a port of their own are there under an address, localhost and the host of the settings", async () => {
  expect(await statusOf("http://127.0.0.1:9464/metrics")).toBe(200);
  expect(await statusOf("http://10.0.0.5:9464/metrics")).toBe(200);
  expect(await statusOf("http://[::1]:9464/metrics")).toBe(200);
  expect(await statusOf("http://localhost:9464/metrics")).toBe(200);
  expect(await statusOf("http://Metrics.internal:9464/metrics", "metrics.internal")).toBe(200);
  expect(await statusOf("http://127.0.0.1:9464/other")).toBe(404);
});

test("under any other name nothing is shown, and it says what to do", async () => {
  for (const url of ["http://evil.example.com/metrics", "http://127.0.0.1.evil.example.com/metrics"]) {
    const answer = await metricsAlone(metrics, "127.0.0.1")(new Request(url));
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("set metricsHost");
  }
});
