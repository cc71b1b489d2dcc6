import { expect } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { SiteClient } from "../sign-in/site-client.ts";
import { openContext } from "./browser.ts";
import { takeSession } from "./signed-in.ts";

/** People who look at the dashboard, each in a browser of their own. Errors in a console and requests to elsewhere fail the test. */
export class Visitors {
  private readonly contexts: AsyncDisposable[] = [];
  /** Statuses that a browser may complain about: what the page makes of such an answer is what counts. */
  private refusals: number[] = [];

  constructor(private readonly browser: Browser) {}

  /** A page in which the user of a client is signed in. */
  async open(site: SiteClient, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.openSignedOut(site.url, options);
    await takeSession(page.context(), site);
    return page;
  }

  /** A page of somebody who has yet to sign in. */
  async openSignedOut(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await openContext(this.browser, { reducedMotion: "reduce", ...options });
    this.contexts.push(context);
    const page = await context.newPage();
    const { origin } = new URL(url);
    page.on("pageerror", (error) => expect().fail(error.message));
    page.on("console", (message) => {
      if (this.refusals.some((status) => message.text().includes(`with a status of ${status}`))) return;
      if (["error", "warning"].includes(message.type())) expect().fail(message.text());
    });
    page.on("request", (request) => {
      const asked = request.url();
      if (!asked.startsWith(`${origin}/`) && !asked.startsWith("data:"))
        expect().fail(`asks elsewhere: ${asked}`);
    });
    return page;
  }

  expectRefusals(...statuses: number[]): void {
    this.refusals = statuses;
  }

  /** To be called after each test. */
  async leave(): Promise<void> {
    for (const context of this.contexts.splice(0)) await context[Symbol.asyncDispose]();
    // Until they are gone, their pages go on asking.
    this.refusals = [];
  }
}

/** Does something once a page asks the API for what matches, and before the server hears of it. */
export async function beforeAnswer(
  page: Page,
  matches: (url: URL) => boolean,
  work: () => Promise<unknown>,
): Promise<void> {
  await page.route(
    (url) => url.pathname.includes("/api/v1/") && matches(url),
    async (route) => {
      await work();
      await route.continue();
    },
    { times: 1 },
  );
}

/** Goes to a page of the dashboard, and waits until all of it is there. @param url the server's. */
export async function visit(page: Page, url: string, route: string, title: string): Promise<void> {
  await page.goto(`${url}/dashboard${route === "/" ? "" : route}`);
  await arrive(page, title);
}

/** Waits until the page with this title is there, with what it shows. */
export async function arrive(page: Page, title: string): Promise<void> {
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}
