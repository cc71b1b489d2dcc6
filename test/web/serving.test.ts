import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RunningLarder } from "../larder.ts";
import { SiteClient, startSetUp } from "../sign-in/site-client.ts";

const budgetBytes = 300_000;

describe.each([
  ["at the root", [], ""],
  ["below a base path", ["--base-path", "/cache"], "/cache"],
] as const)("the dashboard %s", (_, args, prefix) => {
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let client: SiteClient;
  let larder: RunningLarder;

  beforeAll(async () => {
    started = await startSetUp({ args: [...args] });
    ({ client, larder } = started);
  });
  afterAll(() => started[Symbol.asyncDispose]());

  /** What the page loads, as a browser that takes both codings gets it. */
  async function files(): Promise<{ path: string; answer: Response }[]> {
    const page = await (await client.get("/dashboard")).text();
    const paths = [...page.matchAll(/(?:src|href)="([^"]*\/dashboard\/files\/[^"]+)"/g)].map(
      ([, path]) => path as string,
    );
    const origin = new URL(larder.url).origin;
    return await Promise.all(paths.map(async (path) => ({ path, answer: await fetch(origin + path) })));
  }

  test("is one page for all its addresses, with a policy that lets nothing in from elsewhere", async () => {
    for (const path of ["/dashboard", "/dashboard/runs", "/dashboard/artifacts/123"]) {
      const answer = await client.get(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const policy = answer.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      const text = await answer.text();
      expect(text).toContain(`data-prefix="${prefix}"`);
      expect(text).not.toMatch(/<style|<script(?![^>]* src=)| on\w+=/);
    }
  });

  test("wants a sign-in, and leads back to where one wanted to go", async () => {
    const answer = await new SiteClient(larder.url).get("/dashboard/runs?team=default");
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(
      `${prefix}/sign-in?${new URLSearchParams({ next: "/dashboard/runs?team=default" })}`,
    );
    expect((await client.get("/")).headers.get("location")).toBe(`${prefix}/dashboard`);
  });

  test("has files that are kept for good, compressed for whoever takes that", async () => {
    const found = await files();
    expect(found).toHaveLength(2);
    for (const { path, answer } of found) {
      const url = new URL(larder.url).origin + path;
      expect(path).toStartWith(`${prefix}/dashboard/files/`);
      expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      const plain = await fetch(url, { headers: { "accept-encoding": "identity" }, decompress: false });
      expect(plain.headers.get("content-encoding")).toBeNull();
      const text = await plain.text();
      for (const coding of ["br", "gzip"]) {
        const coded = await fetch(url, { headers: { "accept-encoding": `x, ${coding};q=0.5` } });
        expect(coded.headers.get("content-encoding")).toBe(coding);
        expect(await coded.text()).toBe(text);
      }
      const etag = answer.headers.get("etag") as string;
      expect((await fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);
      const head = await fetch(url, { method: "HEAD", headers: { "accept-encoding": "gzip;q=0" } });
      expect(Number(head.headers.get("content-length"))).toBe(Buffer.byteLength(text));
    }
  });

  test("tells of a file that is of another version, and of methods that it does not know", async () => {
    const gone = await fetch(`${larder.url}/dashboard/files/main-00000000.js`);
    expect(gone.status).toBe(404);
    expect(await gone.text()).toContain("Reload the page");
    expect((await fetch(`${larder.url}/dashboard/files/..%2f..%2fetc%2fpasswd`)).status).toBe(404);
    const post = await fetch(`${larder.url}/dashboard/runs`, { method: "POST" });
    expect(post.status).toBe(405);
    expect(post.headers.get("allow")).toBe("GET, HEAD");
  });

  test("is small: all that it can ever load, charts and all", async () => {
    const sizes = new Map<string, number>();
    const load = async (path: string) => {
      if (sizes.has(path)) return;
      const url = new URL(larder.url).origin + path;
      const coded = await fetch(url, { headers: { "accept-encoding": "gzip" }, decompress: false });
      expect(coded.status).toBe(200);
      sizes.set(path, (await coded.bytes()).byteLength);
      const text = await (await fetch(url)).text();
      for (const [, name] of text.matchAll(/["']\.\/([\w.-]+\.js)["']/g))
        await load(path.slice(0, path.lastIndexOf("/") + 1) + name);
    };
    for (const { path } of await files()) await load(path);
    expect(sizes.size).toBeGreaterThan(2);
    const sum = [...sizes.values()].reduce((all, sizeBytes) => all + sizeBytes, 0);
    expect(sum).toBeLessThan(budgetBytes);
  });
});
