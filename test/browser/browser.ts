import AxeBuilder from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

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
  context.setDefaultTimeout(15_000);
  return context;
}

/** Waits until a page has put the cursor there, which it does some time after it has loaded: keys that come before are lost. */
export async function untilFocused(page: Page, selector: string): Promise<void> {
  await page.locator(`${selector}:focus`).waitFor();
}

/** Presses a button that sends a form, and waits for the page that comes of it. */
export async function press(page: Page, name: string): Promise<void> {
  const arrived = page.waitForEvent("framenavigated", (frame) => frame === page.mainFrame());
  await page.getByRole("button", { name, exact: true }).click();
  await arrived;
  await page.waitForLoadState();
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
