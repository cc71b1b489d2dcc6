import { expect } from "bun:test";
import AxeBuilder from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

/** How long anything may take that a browser and a server do by themselves: both share the machine with all the others. */
export const patienceMs = 60_000;

/** A Chromium without a window, and nothing in it that goes out to the network by itself. */
export function launchChromium(path: string): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    headless: true,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
  });
}

/** A browser of its own: its cookies are nobody else's. Closed on disposal. */
export async function openContext(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext & AsyncDisposable> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patienceMs);
  return context;
}

/** Waits until a page has put the cursor there, which it does some time after it has loaded: keys that come before are lost. */
export async function untilFocused(page: Page, selector: string): Promise<void> {
  await page.locator(`${selector}:focus`).waitFor();
}

/** Waits until what is read is as expected. A page may show one thing a moment later than another. */
export async function eventually(read: () => Promise<unknown>, expected: unknown): Promise<void> {
  let found = await read();
  for (const deadline = Date.now() + patienceMs; !Bun.deepEquals(found, expected); found = await read())
    if (Date.now() > deadline) break;
  expect(found).toEqual(expected);
}

/** Presses a button that sends a form, and waits for the page that comes of it. */
export async function press(page: Page, name: string): Promise<void> {
  const arrived = page.waitForEvent("framenavigated", (frame) => frame === page.mainFrame());
  await page.getByRole("button", { name, exact: true }).click();
  await arrived;
  await page.waitForLoadState();
}

/** Presses the button beside lines to copy. @returns what is on the clipboard then. */
export async function copied(page: Page, what: string): Promise<string> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  // Looked for before, and from within the page: it is said for two seconds only.
  const said = page.waitForFunction(
    (text) => [...document.querySelectorAll("[role=status]")].some((one) => one.textContent === text),
    `Copied: ${what}`,
  );
  await page.getByRole("button", { name: `Copy ${what}`, exact: true }).click();
  await said;
  return await page.evaluate(() => navigator.clipboard.readText());
}

/** What axe finds wrong with a page, as one line for each finding. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // The page's own policy forbids scripts that are put into it, but not those of the debugger.
  const results = (await page.evaluate(`(() => { ${AxeBuilder.source}; return axe.run(document, {
    resultTypes: ["violations"],
  }); })()`)) as { violations: { id: string; help: string; nodes: { html: string }[] }[] };
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 120)}`),
  );
}
