import { afterAll, beforeAll, expect, test } from "bun:test";
import { Vercel } from "@vercel/sdk";
import { SDKError } from "@vercel/sdk/models/sdkerror.js";
import { type RunningLarder, startLarder } from "../larder.ts";

/*
 * The official SDK is generated from the published API and refuses an answer whose status, content type or JSON differs
 * from what that says: 202 for an upload, 200 for all else, and a download that is declared to be `application/json`.
 */

// The published example of a hash; it is not hexadecimal.
const hash = "12HKQaOmR5t5Uy6vdcQsNIiZgHGB";
const bytes = crypto.getRandomValues(new Uint8Array(5000));
let larder: RunningLarder;
let vercel: Vercel;

beforeAll(async () => {
  larder = await startLarder();
  vercel = client(larder.firstToken);
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
});

function client(token: string): Vercel {
  return new Vercel({ serverURL: larder.url, bearerToken: token });
}

function upload(name: string, facts: { xArtifactTag?: string; xArtifactSha?: string } = {}) {
  return vercel.artifacts.uploadArtifact({
    hash: name,
    slug: "default",
    contentLength: bytes.length,
    xArtifactDuration: 400,
    xArtifactClientCi: "VERCEL",
    xArtifactClientInteractive: 0,
    requestBody: bytes,
    ...facts,
  });
}

async function refusal(call: Promise<unknown>): Promise<{ status: number; body: unknown }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SDKError);
  const { statusCode, body } = error as SDKError;
  return { status: statusCode, body: body === "" ? "" : JSON.parse(body) };
}

test("status: the team's caching is enabled", async () => {
  expect(await vercel.artifacts.status({ slug: "default" })).toEqual({ status: "enabled" });
});

test("uploadArtifact: answers where the artifact lies", async () => {
  const { urls } = await upload(hash, { xArtifactTag: "Tc0BmHvJYMIYJ62/zx87YqO0Flxk+5Ovip25NY825CQ=" });
  expect(urls).toHaveLength(1);
  expect(new URL(urls[0] as string).pathname).toEndWith(`/${hash}`);
});

test("downloadArtifact: gives the bytes that were uploaded", async () => {
  await upload("d0");
  const stream = await vercel.artifacts.downloadArtifact({
    hash: "d0",
    slug: "default",
    xArtifactClientCi: "VERCEL",
    xArtifactClientInteractive: 0,
  });
  expect(await new Response(stream).bytes()).toEqual(bytes);
});

test("artifactExists: says yes, and fails with 404 for what is not there", async () => {
  await upload("e0");
  await vercel.artifacts.artifactExists({ hash: "e0", slug: "default" });
  const missing = await refusal(vercel.artifacts.artifactExists({ hash: "e1", slug: "default" }));
  expect(missing).toEqual({ status: 404, body: "" });
});

test("artifactQuery: describes what is there and gives null for what is not", async () => {
  const facts = { xArtifactTag: "Tc0BmHvJYMIYJ62/zx87YqO0Flxk+5Ovip25NY825CQ=", xArtifactSha: "c0ffee" };
  await upload("a0", facts);
  await upload("a1");
  const answer = await vercel.artifacts.artifactQuery({
    slug: "default",
    requestBody: { hashes: ["a0", "a1", "a2"] },
  });
  expect(answer).toEqual({
    a0: { size: bytes.length, taskDurationMs: 400, tag: facts.xArtifactTag, sha: facts.xArtifactSha },
    a1: { size: bytes.length, taskDurationMs: 400 },
    a2: null,
  });
});

test("recordEvents: takes hits and misses, with and without a duration", async () => {
  const sessionId = crypto.randomUUID();
  await vercel.artifacts.recordEvents({
    slug: "default",
    xArtifactClientCi: "VERCEL",
    xArtifactClientInteractive: 1,
    requestBody: [
      { sessionId, source: "LOCAL", event: "MISS", hash },
      { sessionId, source: "REMOTE", event: "HIT", hash, duration: 400 },
    ],
  });
});

test("a team is named by its id as well", async () => {
  const { id } = JSON.parse((await larder.cli("team", "show", "default", "--json")).stdout) as { id: string };
  await upload("f0");
  const answer = await vercel.artifacts.artifactQuery({ teamId: id, requestBody: { hashes: ["f0"] } });
  expect(answer).toEqual({ f0: { size: bytes.length, taskDurationMs: 400 } });
});

test("an unknown token is refused with 401 and what is missing with 404, in the published shape", async () => {
  const published = { code: expect.any(String), message: expect.any(String) };
  const calls = client("lrd_unknown").artifacts;
  // All of them are waited for at once: one that is refused before its turn would count as nobody's.
  const refusals = await Promise.all(
    [
      calls.status({ slug: "default" }),
      calls.downloadArtifact({ hash, slug: "default" }),
      calls.artifactQuery({ slug: "default", requestBody: { hashes: [hash] } }),
      calls.recordEvents({ slug: "default", requestBody: [] }),
      calls.uploadArtifact({ hash, slug: "default", contentLength: bytes.length, requestBody: bytes }),
    ].map(refusal),
  );
  for (const { status, body } of refusals) {
    expect(status).toBe(401);
    expect(body).toMatchObject({ ...published, error: published });
  }
  const missing = await refusal(vercel.artifacts.downloadArtifact({ hash: "abcd", slug: "default" }));
  expect(missing).toMatchObject({ status: 404, body: { ...published, error: published } });
});

test("another team is refused with 403", async () => {
  const { status } = await refusal(vercel.artifacts.status({ slug: "somebody-else" }));
  expect(status).toBe(403);
});

test("deleteAllArtifacts: takes all of the team's artifacts out, for a token that may administer", async () => {
  await larder.cli("team", "create", "clearing");
  const tokenOf = async (permission: string) => {
    const args = ["--team", "clearing", "--permission", permission, "--name", permission, "--json"];
    return JSON.parse((await larder.cli("token", "create", ...args)).stdout).token as string;
  };
  const [writer, admin] = [client(await tokenOf("write")), client(await tokenOf("admin"))];
  for (const name of ["a", "b"]) {
    await writer.artifacts.uploadArtifact({ hash: name, contentLength: bytes.length, requestBody: bytes });
  }
  await upload("kept");

  expect((await refusal(writer.artifacts.deleteAllArtifacts({}))).status).toBe(403);
  expect(await admin.artifacts.deleteAllArtifacts({ slug: "clearing" })).toEqual({ deletedCount: 2 });
  expect(await admin.artifacts.artifactQuery({ requestBody: { hashes: ["a", "b"] } })).toEqual({
    a: null,
    b: null,
  });
  expect(await admin.artifacts.deleteAllArtifacts({})).toEqual({ deletedCount: 0 });
  await vercel.artifacts.artifactExists({ hash: "kept" });
});
