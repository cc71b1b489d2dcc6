import { describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";

async function status(larder: RunningLarder, token: string): Promise<[number, string]> {
  const response = await fetch(`${larder.url}/v8/artifacts/status`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const body = (await response.json()) as { status?: string; code?: string };
  return [response.status, body.status ?? body.code ?? ""];
}

async function change(larder: RunningLarder, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await larder.cli(...args);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.trim();
}

describe("a change that a command makes beside the server counts from the very next request", () => {
  test("on: a new token, its revocation, a new team, its state, its deletion", async () => {
    await using larder = await startLarder();
    // Remembered by the server, good and bad ones.
    expect(await status(larder, larder.firstToken)).toEqual([200, "enabled"]);
    expect((await status(larder, "lrd_unknown"))[0]).toBe(401);

    const create = ["token", "create", "--permission", "write", "--name", "ci", "--team"];
    const token = await change(larder, ...create, "default");
    expect(await status(larder, token)).toEqual([200, "enabled"]);
    await change(larder, "token", "revoke", token);
    expect((await status(larder, token))[0]).toBe(401);
    expect(await status(larder, larder.firstToken)).toEqual([200, "enabled"]);

    await change(larder, "team", "create", "web");
    const webToken = await change(larder, ...create, "web");
    expect(await status(larder, webToken)).toEqual([200, "enabled"]);
    for (const state of ["disabled", "over_limit", "paused"]) {
      await change(larder, "team", "set", "web", "--state", state);
      expect(await status(larder, webToken)).toEqual([200, state]);
      expect(await status(larder, larder.firstToken)).toEqual([200, "enabled"]);
    }
    await change(larder, "team", "set", "web", "--state", "blocked");
    expect(await status(larder, webToken)).toEqual([402, "blocked"]);
    await change(larder, "team", "set", "web", "--state", "enabled", "--slug", "site");
    const named = (slug: string) =>
      fetch(`${larder.url}/v8/artifacts/status?slug=${slug}`, {
        headers: { authorization: `Bearer ${webToken}` },
      });
    expect([(await named("web")).status, (await named("site")).status]).toEqual([403, 200]);

    await change(larder, "team", "delete", "site", "--yes");
    expect((await status(larder, webToken))[0]).toBe(401);
    expect(await status(larder, larder.firstToken)).toEqual([200, "enabled"]);
  });
});

describe("TURBO_TOKEN in the server's environment", () => {
  test("is a list of tokens that may write as the default team, beside the stored ones", async () => {
    const env = { TURBO_TOKEN: "first-secret, second-secret" };
    await using larder = await startLarder({ env });
    for (const token of ["first-secret", "second-secret", larder.firstToken]) {
      const response = await fetch(`${larder.url}/v8/artifacts/abc?slug=default`, {
        method: "PUT",
        body: token,
        headers: { authorization: `Bearer ${token}` },
      });
      expect(response.status).toBe(202);
    }
    for (const token of ["first-secret,", "first-secret, second-secret", ""]) {
      expect((await status(larder, token))[0]).toBe(401);
    }
    await change(larder, "team", "set", "default", "--state", "paused");
    expect(await status(larder, "first-secret")).toEqual([200, "paused"]);
    expect(larder.stdout() + larder.stderr()).not.toContain("second-secret");
  });

  test("no longer counts when the server is started without it", async () => {
    await using larder = await startLarder({ env: { TURBO_TOKEN: "secret" } });
    expect((await status(larder, "secret"))[0]).toBe(200);
    await larder.stop();
    await using again = await startLarder({ dataFolder: larder.dataFolder });
    expect((await status(again, "secret"))[0]).toBe(401);
  });
});
