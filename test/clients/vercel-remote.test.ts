import { afterAll, beforeAll, expect, test } from "bun:test";
import { Readable } from "node:stream";
import { createClient } from "@vercel/remote";
import { type RunningLarder, startLarder } from "../larder.ts";

/*
 * This client speaks to `https://vercel.com/api/v8/artifacts` and nothing else, and has no option for it. So each request
 * is aimed at a larder under `/api` before it is sent; method, headers, query and bodies stay the client's own.
 */

const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(50_000)));
let larder: RunningLarder;
let teamId: string;

beforeAll(async () => {
  larder = await startLarder({ args: ["--base-path", "/api"] });
  teamId = (JSON.parse((await larder.cli("team", "show", "default", "--json")).stdout) as { id: string }).id;
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
});

function client(token = larder.firstToken) {
  const remote = createClient(token, { teamId, product: "larder-test" });
  return {
    put: (hash: string, options?: object) => aimed((remote.put as PutWithOptions)(hash, options)),
    get: (hash: string) => aimed(remote.get(hash)),
    exists: (hash: string) => aimed(remote.exists(hash)),
  };
}

/** Its types leave out the second argument, its program and its manual have it. */
type PutWithOptions = (hash: string, options?: object) => ReturnType<ReturnType<typeof createClient>["put"]>;

function aimed<Request extends object>(request: Request): Request {
  const url = String(Reflect.get(request, "url"));
  expect(url).toStartWith("https://vercel.com/api/v8/artifacts/");
  Reflect.set(request, "url", url.replace("https://vercel.com", new URL(larder.url).origin));
  return request;
}

test("a buffer goes up and comes down, with its duration and tag", async () => {
  await client().put("b0", { duration: 1234, tag: "some tag" }).buffer(bytes);
  const request = client().get("b0");
  expect((await request.buffer()).equals(bytes)).toBe(true);
  expect(request.response?.headers.get("x-artifact-duration")).toBe("1234");
  expect(request.response?.headers.get("x-artifact-tag")).toBe("some tag");
});

test("a stream goes up and comes down", async () => {
  await client()
    .put("c0")
    .stream(Readable.from([bytes.subarray(0, 20_000), bytes.subarray(20_000)]));
  const stream = await client().get("c0").stream();
  expect(Buffer.concat(await stream.toArray()).equals(bytes)).toBe(true);
});

test("it learns what is there and what is not", async () => {
  await client().put("d0").buffer(bytes);
  expect(await client().exists("d0").send()).toBe(true);
  expect(await client().exists("d1").send()).toBe(false);
});

test("it is told why it gets nothing", async () => {
  await expect(client().get("e0").buffer()).rejects.toThrow("not_found");
  await expect(client("lrd_unknown").get("e0").buffer()).rejects.toThrow("unauthorized");
  await expect(client("lrd_unknown").put("e0").buffer(bytes)).rejects.toThrow("unauthorized");
  await expect(client("lrd_unknown").exists("e0").send()).rejects.toThrow("Not authorized");
});
