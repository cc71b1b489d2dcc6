import { expect, test } from "bun:test";
import { welcomeText } from "../../src/commands/welcome-text.ts";

const secret = `lrl_${"x".repeat(40)}`;
const started = {
  url: "http://localhost:5273",
  networkUrls: ["http://192.0.2.7:5273", "http://198.51.100.7:5273"],
  firstSecret: undefined,
  setupLinks: [],
  teamSlug: "default",
  dataFolder: "/srv/larder",
  maxSizeBytes: undefined,
};

test("whoever has no browser on the server's machine gets a link for another's", () => {
  const setupLinks = [started.url, ...started.networkUrls].map((url) => `${url}/setup#${secret}`);
  const text = welcomeText({ ...started, setupLinks }, undefined);
  const links = [...text.matchAll(/^ {2}(\S+\/setup#lrl_x{40})$/gm)].map(([, link]) => link as string);
  expect(links).toEqual(setupLinks);
  const [own, ...others] = links as [string, ...string[]];
  for (const other of others)
    expect(text.indexOf(other)).toBeGreaterThan(text.indexOf("with the browser of another machine"));
  expect(text.indexOf(own)).toBeLessThan(text.indexOf("with the browser of another machine"));
});

test("a server with a single address, or an administrator, speaks of no other link", () => {
  const setupLinks = [`https://cache.example.org/setup#${secret}`];
  const alone = welcomeText({ ...started, networkUrls: [], setupLinks }, "https://cache.example.org");
  expect(alone).toContain(`  ${setupLinks[0]}\n`);
  expect(alone).not.toContain("another machine");
  const setUp = welcomeText(started, undefined);
  expect(setUp).not.toContain("/setup");
  expect(setUp).toContain("All that it keeps is in /srv/larder (data).\n");
});
