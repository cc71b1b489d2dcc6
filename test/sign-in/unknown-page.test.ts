import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";

const fromBrowser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

let larder: RunningLarder;

function get(url: string, headers: Record<string, string>, method = "GET"): Promise<Response> {
  return fetch(url, { method, headers, redirect: "manual" });
}

describe.each([[""], ["/cache"]])("below %p", (basePath) => {
  beforeAll(async () => {
    larder = await startLarder(basePath === "" ? {} : { args: ["--base-path", basePath] });
  });
  afterAll(() => larder[Symbol.asyncDispose]());

  test("people get a page where there is none, with a link to the first one", async () => {
    for (const url of [`${larder.url}/nope`, `${new URL(larder.url).origin}/nope`, `${larder.url}/<b>`]) {
      const answer = await get(url, fromBrowser);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("content-type")).toStartWith("text/html");
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      const text = await answer.text();
      expect(text).toContain("There is no such page");
      expect(text).toContain(`href="${basePath}/"`);
      expect(text).not.toContain("TURBO_API");
      const head = await get(url, fromBrowser, "HEAD");
      expect([head.status, await head.text()]).toEqual([404, ""]);
    }
  });

  test.each([
    ["nothing", {}],
    ["anything", { accept: "*/*" }],
    ["JSON", { accept: "application/json" }],
    ["anything but HTML", { accept: "text/html;q=0, */*" }],
    ["what is called alike", { accept: "text/html5, application/text/html" }],
  ] as [string, Record<string, string>][])("programs that accept %s get JSON", async (_, headers) => {
    const answer = await get(`${larder.url}/nope`, headers);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("TURBO_API"),
    });
  });

  test("whatever is sent is answered in JSON, and so is what a client asks for", async () => {
    expect((await get(`${larder.url}/nope`, fromBrowser, "POST")).headers.get("content-type")).toBe(
      "application/json",
    );
    const artifact = await get(`${larder.url}/v8/artifacts/abc`, fromBrowser);
    expect(artifact.status).toBe(401);
    expect(artifact.headers.get("content-type")).toBe("application/json");
  });

  test("the root leads people to the first page", async () => {
    const root = `${new URL(larder.url).origin}/`;
    const answer = await get(root, fromBrowser);
    if (basePath === "") {
      expect(answer.status).toBe(200);
      return;
    }
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/cache/"]);
    expect((await get(root, { accept: "*/*" })).status).toBe(404);
    expect((await get(`${larder.url}/`, fromBrowser)).status).toBe(200);
  });
});
