import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { flagName, settingKeys, settings, variableName } from "../src/config/settings.ts";
import { version } from "../src/version.ts";
import { startLarder } from "./larder.ts";

const root = join(import.meta.dir, "..");
const readme = await Bun.file(join(root, "README.md")).text();
const settingsPage = await Bun.file(join(root, "docs/settings.md")).text();

test("the README's first command serves artifacts and pages", async () => {
  const [, bunVersion, words = ""] = /```sh\nnpx -y bun@([\d.]+) (.+)\n```/.exec(readme) ?? [];
  expect(bunVersion).toBe(Bun.version);
  const command = [process.execPath, ...words.split(" ")];
  await using larder = await startLarder({ command, cwd: root });
  const url = `${larder.url}/v8/artifacts/0123456789abcdef`;
  const headers = { authorization: `Bearer ${larder.firstToken}` };
  expect((await fetch(url, { method: "PUT", headers, body: "an artifact" })).status).toBe(202);
  expect(await (await fetch(url, { headers })).text()).toBe("an artifact");
  const page = await fetch(`${larder.url}/dashboard`);
  expect([page.status, new URL(page.url).pathname]).toEqual([200, "/sign-in"]);
  // It passes the signal on to the server, and waits for it.
  expect(await larder.stop()).toBe(0);
});

test.each(settingKeys)("the page of settings has %s as it is", (key) => {
  const row = settingsPage.split("\n").find((line) => line.startsWith(`| \`${key}\` |`));
  expect(row).toBeDefined();
  const [, name, flag, variable, fallback] = (row as string).split("|").map((cell) => cell.trim());
  expect(name).toBe(`\`${key}\``);
  expect(flag).toBe(`\`${flagName(key)}\``);
  expect(variable).toContain(`\`${variableName(key)}\``);
  const setting = settings[key];
  if (typeof setting.default === "string")
    expect(fallback).toBe(setting.default === "" ? "" : `\`${setting.default}\``);
});

test("no page has a setting that is not there, and the README has the version that is", () => {
  const rows = settingsPage.split("\n").filter((line) => /^\| `\w+` \| `--/.test(line));
  expect(rows).toHaveLength(settingKeys.length);
  expect(readme).toContain(`larder ${version} |`);
});

test("the settings that the README names have these defaults", () => {
  const rows = [...readme.matchAll(/^\| `(--[a-z-]+)` \| (.+?) \|/gm)];
  expect(rows.length).toBeGreaterThan(3);
  for (const [, flag, fallback] of rows) {
    const row = settingsPage.split("\n").find((line) => line.split("|")[2]?.trim() === `\`${flag}\``);
    expect({ flag, fallback: row?.split("|")[4]?.trim() }).toEqual({ flag, fallback });
  }
});

test("every link from a page to another, and into it, leads somewhere", async () => {
  const pages = ["README.md", ...new Bun.Glob("docs/*.md").scanSync(root)];
  const broken: string[] = [];
  for (const page of pages) {
    const text = await Bun.file(join(root, page)).text();
    for (const [, to = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const target = to === "" ? join(root, page) : join(root, dirname(page), to);
      const isThere = existsSync(target) && (anchor === undefined || anchorsOf(target).includes(anchor));
      if (!isThere) broken.push(`${page}: ${to}#${anchor}`);
    }
  }
  expect(broken).toEqual([]);
});

/** As GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every file that the page on security relies on is there", async () => {
  const page = await Bun.file(join(root, "docs/security.md")).text();
  const named = [...page.matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map(([, name]) => name as string);
  expect(named.length).toBeGreaterThan(30);
  const files = [
    ...new Bun.Glob("{src,test}/**/*.ts").scanSync(root),
    ...new Bun.Glob("docs/*.md").scanSync(root),
  ];
  const missing = named.filter((name) =>
    name.endsWith("/")
      ? !files.some((file) => file.startsWith(name))
      : !files.some((file) => file.endsWith(`/${name}`) || file === name),
  );
  expect(missing).toEqual([]);
});

test("every gap that the page on security names has a remedy, and the other way round", async () => {
  const page = await Bun.file(join(import.meta.dir, "../docs/security.md")).text();
  const [review, gaps] = page.split("## Gaps") as [string, string];
  const named = new Set([...review.matchAll(/gap (\d+)/g)].map(([, number]) => Number(number)));
  const listed = [...gaps.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
  expect([...named].sort((a, b) => a - b)).toEqual(listed);
});
