import type { Page } from "playwright-core";

export const password = "correct horse battery";

/** Fills in the sign-in page and sends it. */
export async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Opens what turbo wants opened, signs in there, and allows it. */
export async function allowLogin(page: Page, url: string, email: string): Promise<void> {
  await page.goto(url);
  if (new URL(page.url()).pathname.endsWith("/sign-in")) await signIn(page, email);
  await page.getByRole("button", { name: "Allow" }).click();
}
