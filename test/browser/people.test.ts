import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { identityBeside } from "../identity/beside.ts";
import { chromium } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { administrator as ann, createUser, setupSecret } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { accessibilityProblems, launchChromium, openContext, press, untilFocused } from "./browser.ts";

describeWith(chromium, "people with a browser", (path) => {
  let browser: Browser;
  let larder: RunningLarder;
  const contexts: AsyncDisposable[] = [];

  beforeAll(async () => {
    [browser, larder] = await Promise.all([launchChromium(path), startLarder()]);
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await browser.close();
    await larder[Symbol.asyncDispose]();
  });

  /** A page in a browser of its own. Whatever a content policy forbids, or a script gets wrong, fails the test. */
  async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await openContext(browser, options);
    contexts.push(context);
    const page = await context.newPage();
    page.on("pageerror", (error) => expect().fail(error.message));
    page.on("console", (message) => {
      if (/Content.Security.Policy|Refused/i.test(message.text())) expect().fail(message.text());
    });
    return page;
  }

  async function signIn(page: Page, { email, password } = ann): Promise<void> {
    await page.goto(`${larder.url}/sign-in`);
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(password);
    await press(page, "Sign in");
  }

  async function isSignedIn(page: Page): Promise<boolean> {
    await page.goto(`${larder.url}/account`);
    return new URL(page.url()).pathname === "/account";
  }

  /** @returns the secret. */
  async function createUserToken(email: string, name: string): Promise<string> {
    await using beside = identityBeside(larder.dataFolder);
    const { id: userId } = await beside.users.get(email);
    return (await beside.tokens.create({ userId, name, permission: "admin" })).secret;
  }

  // The others need what this one does.
  test("set larder up by the link that its start has printed", async () => {
    const page = await openPage();
    const secret = setupSecret(larder);
    await page.goto(`${larder.url}/setup#${secret}`);
    await untilFocused(page, "#email");
    // It has left the address bar, and with it the history.
    expect(page.url()).toBe(`${larder.url}/setup`);
    expect(await page.getByLabel("Code of the link").isVisible()).toBe(false);
    await page.getByLabel("E-mail address").fill(ann.email);
    await page.getByLabel("Your name").fill("Ann <b>Archer</b>");
    await page.getByLabel("New password", { exact: true }).fill(ann.password);
    await page.getByLabel("New password, once more").fill("something else");
    await press(page, "Create account");

    const repeated = page.getByLabel("New password, once more");
    expect(await repeated.getAttribute("aria-invalid")).toBe("true");
    const described = await repeated.getAttribute("aria-describedby");
    expect(await page.locator(`#${described}`).textContent()).toBe("This is not the same password.");
    await untilFocused(page, "#repeated");
    expect(await page.title()).toStartWith("Error: ");
    expect(await page.getByLabel("Code of the link").isVisible()).toBe(false);
    await page.getByLabel("New password", { exact: true }).fill(ann.password);
    await repeated.fill(ann.password);
    await press(page, "Create account");

    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Ann <b>Archer</b>");
    expect(await page.getByText("Administrator of this server").isVisible()).toBe(true);
  });

  test("sign in and out, and a wrong password is told", async () => {
    const page = await openPage();
    await page.goto(larder.url);
    expect(page.url()).toBe(`${larder.url}/sign-in`);
    await signIn(page, { ...ann, password: "wrong" });
    expect(await page.getByRole("alert").textContent()).toBe("E-mail address or password is wrong.");
    expect(await page.getByLabel("E-mail address").inputValue()).toBe(ann.email);
    expect(await page.getByLabel("Password").inputValue()).toBe("");
    await page.getByLabel("Password").fill(ann.password);
    await press(page, "Sign in");
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ name: "larder_session", httpOnly: true, sameSite: "Lax" });

    await press(page, "Sign out");
    expect(new URL(page.url()).pathname).toBe("/sign-in");
    expect(await page.getByRole("status").textContent()).toBe("You are signed out.");
    expect(await page.context().cookies()).toEqual([]);
    // No copy of the page is shown to whoever goes back.
    await Promise.all([page.waitForURL(/\/sign-in\?next=/), page.evaluate("history.back()")]);
  });

  test("come to the page that they asked for", async () => {
    const page = await openPage();
    await page.goto(`${larder.url}/account?from=mail`);
    expect(page.url()).toBe(`${larder.url}/sign-in?next=%2Faccount%3Ffrom%3Dmail`);
    await page.getByLabel("E-mail address").fill(ann.email);
    await page.getByLabel("Password").fill(ann.password);
    await press(page, "Sign in");
    expect(page.url()).toBe(`${larder.url}/account?from=mail`);
  });

  test("sign out everywhere from one of two browsers", async () => {
    const [one, other] = [await openPage(), await openPage()];
    await signIn(one);
    await signIn(other);
    // Not the dashboard, which leads to sign in by itself as soon as it hears of it.
    for (const page of [other, one]) await page.goto(`${larder.url}/account`);
    expect(await one.getByText("this one").count()).toBe(1);
    expect(await one.locator("li", { hasText: "Chrome on Linux" }).count()).toBeGreaterThanOrEqual(2);
    await press(one, "Sign out everywhere");
    expect(new URL(one.url()).pathname).toBe("/sign-in");
    expect(await one.getByRole("status").textContent()).toContain("You are signed out in all browsers.");
    expect([await isSignedIn(one), await isSignedIn(other)]).toEqual([false, false]);
  });

  test("choose a password by a link, which then works no more", async () => {
    const { stdout } = await larder.cli("user", "create", "bob@example.org", "--team", "default=viewer");
    const page = await openPage();
    await page.goto(stdout.trim());
    // Nobody types a password without knowing for which account.
    await page.getByRole("heading", { name: "Welcome, bob" }).waitFor();
    expect(await page.getByText("bob@example.org").isVisible()).toBe(true);
    expect(page.url()).toBe(`${larder.url}/password`);
    await page.getByLabel("New password", { exact: true }).fill("the password of bob");
    await page.getByLabel("New password, once more").fill("something else");
    await press(page, "Set password and sign in");
    expect(await page.getByText("This is not the same password.").isVisible()).toBe(true);
    await page.getByLabel("New password", { exact: true }).fill("the password of bob");
    await page.getByLabel("New password, once more").fill("the password of bob");
    await press(page, "Set password and sign in");
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    expect(await page.getByText("Default (viewer)").isVisible()).toBe(true);

    await page.goto(stdout.trim());
    await page.getByText("This link is not valid").waitFor();
    expect(await page.getByLabel("New password").count()).toBe(0);
    // There is something to mend in it now, or a new link to paste over the address.
    expect(await page.getByLabel("Code of the link").isVisible()).toBe(true);
    await page.goto((await larder.cli("user", "reset-link", "bob@example.org")).stdout.trim());
    await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
    expect(await page.getByText("bob@example.org").isVisible()).toBe(true);
  });

  test("see and revoke their tokens", async () => {
    const page = await openPage();
    await signIn(page);
    await page.goto(`${larder.url}/account`);
    expect(await page.getByText("None. turbo login creates one").isVisible()).toBe(true);
    const secret = await createUserToken(ann.email, "laptop of <i>Ann</i>");
    const status = () =>
      fetch(`${larder.url}/v8/artifacts/status?slug=default`, {
        headers: { authorization: `Bearer ${secret}` },
      });
    await page.reload();
    const item = page.getByRole("listitem").filter({ hasText: "laptop of <i>Ann</i>" });
    expect(await item.textContent()).toContain("not used yet");
    expect((await status()).status).toBe(200);
    await press(page, "Revoke laptop of <i>Ann</i>");
    expect(new URL(page.url()).pathname).toBe("/account");
    expect(await page.getByRole("status").textContent()).toBe("The token “laptop of <i>Ann</i>” is revoked.");
    expect(await item.count()).toBe(0);
    // The same address as a link of another site says nothing.
    const address = page.url();
    await page.goto("about:blank");
    await page.setContent(`<a href="${address}">See</a>`);
    await page.getByRole("link").click();
    await page.waitForURL(address);
    expect(await page.getByRole("status").count()).toBe(0);
    expect((await status()).status).toBe(401);
  });

  test("need no mouse", async () => {
    const page = await openPage();
    await page.goto(`${larder.url}/sign-in`);
    await untilFocused(page, "#email");
    await page.keyboard.type(ann.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(ann.password);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    const focused: string[] = [];
    for (let count = 0; count < 10; count++) {
      await page.keyboard.press("Tab");
      focused.push(
        await page.evaluate(() => {
          const { outlineStyle } = getComputedStyle(document.activeElement as Element);
          const { textContent, id } = document.activeElement as HTMLElement;
          return `${id || textContent} ${outlineStyle}`;
        }),
      );
      if (focused.at(-1)?.startsWith("Change password")) break;
    }
    expect(focused).toEqual([
      "To the dashboard solid",
      "Sign out solid",
      "Sign out everywhere solid",
      "current solid",
      "password solid",
      "repeated solid",
      "Change password solid",
    ]);
    await page.getByRole("button", { name: "Sign out", exact: true }).focus();
    await page.keyboard.press("Space");
    await page.waitForURL((url) => url.pathname === "/sign-in");
  });

  test("need no scripts", async () => {
    const page = await openPage({ javaScriptEnabled: false });
    const link = (await larder.cli("user", "reset-link", ann.email)).stdout.trim();
    await page.goto(link);
    const code = page.getByLabel("Code of the link");
    expect(await code.isVisible()).toBe(true);
    await code.fill(`${link.split("#")[1]}x`);
    await press(page, "Continue");
    expect(await page.getByText("This link is not valid").isVisible()).toBe(true);
    await code.fill(link.split("#")[1] as string);
    await press(page, "Continue");
    expect(await page.getByText(ann.email).isVisible()).toBe(true);
    await page.getByLabel("New password", { exact: true }).fill(ann.password);
    await page.getByLabel("New password, once more").fill(ann.password);
    await press(page, "Set password and sign in");
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    await page.getByLabel("Current password").fill(ann.password);
    await page.getByLabel("New password", { exact: true }).fill("short");
    await page.getByLabel("New password, once more").fill("short");
    // Nothing but the server looks at it.
    await press(page, "Change password");
    expect(await page.getByText("A password has 8 to 256 characters.").isVisible()).toBe(true);
    await press(page, "Sign out");
    await signIn(page);
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
  });

  test("cannot be made to sign out, or in, by a page of another site", async () => {
    const page = await openPage();
    await signIn(page);
    // The same machine by another name is another site.
    const evil = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () =>
        new Response(
          `<form method="post" action="${larder.url}/sign-out-everywhere"><button>Win a prize</button></form>
           <form method="post" action="${larder.url}/sign-in"><input name="email" value="${ann.email}">
           <input name="password" value="${ann.password}"><button>Log in as somebody</button></form>
           <iframe src="${larder.url}/account"></iframe>`,
          { headers: { "content-type": "text/html" } },
        ),
    });
    try {
      for (const host of ["localhost", "127.0.0.1"]) {
        for (const name of ["Win a prize", "Log in as somebody"]) {
          const other = await page.context().newPage();
          await other.goto(`http://${host}:${evil.port}/`);
          await press(other, name);
          expect(await other.getByText("This form came from another site").isVisible()).toBe(true);
          await other.goto(`http://${host}:${evil.port}/`);
          const framed = other.frames().find((frame) => frame !== other.mainFrame());
          // The browser shows its own words in place of the page.
          expect(await framed?.locator("main form").count()).toBe(0);
          await other.close();
        }
      }
      expect(await isSignedIn(page)).toBe(true);
    } finally {
      await evil.stop(true);
    }
  });

  test("are out at once when an administrator disables or deletes them", async () => {
    const eve = { email: "eve@example.org", password: "the password of eve" };
    await createUser(larder, eve);
    const page = await openPage();
    await signIn(page, eve);
    expect(await isSignedIn(page)).toBe(true);
    await larder.cli("user", "set", eve.email, "--state", "disabled");
    expect(await isSignedIn(page)).toBe(false);
    await larder.cli("user", "set", eve.email, "--state", "enabled");
    await signIn(page, eve);
    expect(await isSignedIn(page)).toBe(true);
    await larder.cli("user", "delete", eve.email, "--yes");
    expect(await isSignedIn(page)).toBe(false);
  });

  test("are told how long to wait after too many attempts", async () => {
    const dan = { email: "dan@example.org", password: "the password of dan" };
    await createUser(larder, dan);
    const page = await openPage();
    for (let count = 0; count < 4; count++) await signIn(page, { ...dan, password: "wrong" });
    // The fifth and what follows wait longer and longer, whatever the password is.
    for (let count = 0; count < 8 && !(await page.getByText("Too many attempts").isVisible()); count++)
      await signIn(page, { ...dan, password: "wrong" });
    expect(await page.getByRole("alert").textContent()).toMatch(
      /^Too many attempts\. Wait (a second|\d+ seconds), then try again\.$/,
    );
    expect(await page.getByLabel("E-mail address").inputValue()).toBe(dan.email);
  });

  test.each([
    { colorScheme: "light" },
    { colorScheme: "dark" },
    { colorScheme: "light", viewport: { width: 320, height: 640 } },
  ] satisfies BrowserContextOptions[])("find nothing in their way on any page, with %j", async (look) => {
    await using fresh = await startLarder();
    const longEmail = `${"long".repeat(14)}${look.colorScheme}${look.viewport?.width ?? ""}@example.org`;
    expect((await larder.cli("user", "create", longEmail)).exitCode).toBe(0);
    const page = await openPage(look);
    const examine = async () => {
      const where = `${page.url()} "${await page.title()}"`;
      expect({ where, problems: await accessibilityProblems(page) }).toEqual({ where, problems: [] });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect({ where, overflow: Math.max(0, overflow) }).toEqual({ where, overflow: 0 });
    };
    for (const path of ["/", "/setup"]) {
      await page.goto(fresh.url + path);
      await examine();
    }
    for (const path of [
      "/setup",
      "/sign-in",
      "/sign-in?notice=signed-out",
      "/password",
      "/sign-out",
      "/nope",
    ]) {
      await page.goto(larder.url + path);
      await examine();
    }
    await page.goto(`${larder.url}/password#lrl_wrong`);
    await page.getByText("This link is not valid").waitFor();
    await examine();
    await page.goto(`${fresh.url}/setup#${setupSecret(fresh)}`);
    await page.getByLabel("Your name").waitFor();
    await examine();
    await page.goto((await larder.cli("user", "reset-link", longEmail)).stdout.trim());
    await page.getByText(longEmail).waitFor();
    await examine();
    await signIn(page, { ...ann, email: "nobody@example.org" });
    await page.getByRole("alert").waitFor();
    await examine();
    await signIn(page);
    await page.goto(`${larder.url}/account`);
    await page.getByText("Where you are signed in").waitFor();
    await examine();
  });

  test("would hear of it if there were something in their way", async () => {
    const page = await openPage();
    await page.setContent(`<p style="color:#999">pale</p><input>`);
    expect((await accessibilityProblems(page)).join()).toContain("label");
  });
});
