import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { icon } from "../../src/http/page.ts";
import { style } from "../../src/http/style.ts";

const web = join(import.meta.dir, "../../src/web");

test("the dashboard has the colours of the pages to sign in, by day and by night", () => {
  const palettes = (css: string) =>
    [...css.matchAll(/:root\s*\{([^}]*)\}/g)].map(([, body]) =>
      Object.fromEntries(
        [...(body as string).matchAll(/(--[\w-]+):\s*(#\w+)/g)].map(([, name, color]) => [name, color]),
      ),
    );
  const [day, night] = palettes(style);
  const [webDay, webNight] = palettes(readFileSync(join(web, "style.css"), "utf8"));
  expect(Object.keys(day ?? {}).length).toBeGreaterThan(8);
  expect(webDay).toMatchObject(day as Record<string, string>);
  expect(webNight).toMatchObject(night as Record<string, string>);
});

test("the dashboard has the logo of the pages to sign in", () => {
  const logo = readFileSync(join(web, "shell/logo.tsx"), "utf8");
  const paths = [...decodeURIComponent(icon).matchAll(/ d="([^"]+)"/g)].map(([, path]) => path as string);
  expect(paths).toHaveLength(2);
  for (const path of paths) expect(logo).toContain(path);
});
