import type { BrowserContext } from "playwright-core";
import type { SiteClient } from "../sign-in/site-client.ts";

/** Gives a browser the session of a client, as if its user had signed in there. */
export async function takeSession(context: BrowserContext, client: SiteClient): Promise<void> {
  const [name, value] = client.cookie.split("=") as [string, string];
  await context.addCookies([{ name, value, url: new URL(client.url).origin }]);
}
