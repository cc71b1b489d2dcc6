import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { accessibilityProblems, launchChromium, openContext } from "../browser/browser.ts";
import { identityBeside } from "../identity/beside.ts";
import { chromium } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { describeWith } from "../tools.ts";
import { type Account, startRealProvider } from "./real-provider.ts";

const ann: Account = { email: "ann@example.org", email_verified: true, name: "Ann Example", groups: ["web"] };
const rules = [
  "domain:example.org=default:viewer",
  "email:bob@example.com=default:owner",
  "group:web=web:member",
  "group:platform=admin",
  "group:platform=web:owner",
];

/** A larder with a team `web`, and the provider that it trusts. */
async function startBoth() {
  const provider = await startRealProvider();
  provider.accounts.set("0001", ann);
  const larder = await startLarder({
    env: {
      LARDER_OIDC_ISSUER: provider.issuer,
      LARDER_OIDC_CLIENT_ID: provider.clientId,
      LARDER_OIDC_CLIENT_SECRET: provider.clientSecret,
      LARDER_OIDC_NAME: "Example ID",
      LARDER_OIDC_SCOPES: "openid email profile groups",
      LARDER_OIDC_ACCESS: rules.join(","),
    },
  });
  expect((await larder.cli("team", "create", "web")).exitCode).toBe(0);
  provider.register(`${larder.url}/sign-in/oidc/callback`);
  return {
    larder,
    provider,
    async [Symbol.asyncDispose]() {
      await larder[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** Role and teams of a user, or undefined where there is none. */
async function rightsOf(larder: RunningLarder, email: string): Promise<string[] | undefined> {
  await using beside = identityBeside(larder.dataFolder);
  const user = await beside.users.find(email);
  if (!user) return undefined;
  const teams = await beside.members.teamsOf(user.id);
  return [user.role, ...teams.map(({ team, role }) => `${team.slug}:${role}`)];
}

/** From larder's sign-in page to the provider's, and back. */
async function signIn(
  page: Page,
  larder: RunningLarder,
  subject = "0001",
  button = "Sign in",
): Promise<void> {
  await page.goto(`${larder.url}/sign-in`);
  await page.getByRole("link", { name: "Sign in with Example ID" }).click();
  // A provider at which somebody is signed in does not ask again.
  await page.waitForURL(
    ({ href, pathname }) =>
      pathname.startsWith("/interaction/") || (href.startsWith(larder.url) && pathname !== "/sign-in"),
  );
  if (page.url().startsWith(larder.url)) return;
  await page.getByLabel("Subject").fill(subject);
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.waitForURL((url) => url.href.startsWith(larder.url));
}

describeWith(chromium, "single sign-on in a browser, with a real provider", (path) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(path);
  });
  afterAll(async () => {
    await browser.close();
  });

  test("the first sign-in makes the user, and each later one follows the groups", async () => {
    await using both = await startBoth();
    const { larder, provider } = both;
    await using context = await openContext(browser);
    const page = await context.newPage();
    await signIn(page, larder);
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Ann Example");
    expect(await page.locator("dd").allTextContents()).toContain("Example ID");
    expect(await rightsOf(larder, ann.email)).toEqual(["member", "default:viewer", "web:member"]);

    provider.accounts.set("0001", { ...ann, groups: ["platform"] });
    await context.clearCookies({ name: "larder_session" });
    await signIn(page, larder);
    expect(page.url()).toBe(`${larder.url}/dashboard`);
    await page.goto(`${larder.url}/account`);
    expect(await rightsOf(larder, ann.email)).toEqual(["admin", "default:viewer", "web:owner"]);

    provider.accounts.set("0001", { ...ann, groups: [] });
    await context.clearCookies({ name: "larder_session" });
    await signIn(page, larder);
    expect(await rightsOf(larder, ann.email)).toEqual(["member", "default:viewer"]);
  });

  test("whoever is sent to sign in comes back to the page that was asked for", async () => {
    await using both = await startBoth();
    await using context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(`${both.larder.url}/account?from=mail`);
    await page.getByRole("link", { name: "Sign in with Example ID" }).click();
    await page.getByLabel("Subject").fill("0001");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(`${both.larder.url}/account?from=mail`);
  });

  test("it works without JavaScript", async () => {
    await using both = await startBoth();
    await using context = await openContext(browser, { javaScriptEnabled: false });
    const page = await context.newPage();
    await signIn(page, both.larder);
    expect(page.url()).toBe(`${both.larder.url}/dashboard`);
    await page.goto(`${both.larder.url}/account`);
  });

  test("without a rule that matches there is no account, and with an unverified address no rule about it does", async () => {
    await using both = await startBoth();
    const { larder, provider } = both;
    provider.accounts.set("eve", { ...ann, email: "eve@evil.example", groups: ["others"] });
    provider.accounts.set("mallory", { ...ann, email_verified: false, groups: [] });
    provider.accounts.set("bob", { ...ann, email: "bob@example.com", groups: [] });
    for (const [subject, says] of [
      ["eve", "may not use this larder"],
      ["mallory", "does not say that ann@example.org is verified"],
    ] as const) {
      await using context = await openContext(browser);
      const page = await context.newPage();
      await signIn(page, larder, subject);
      expect(await page.getByRole("main").textContent()).toContain(says);
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.goto(`${larder.url}/account`);
      expect(new URL(page.url()).pathname).toBe("/sign-in");
    }
    expect(await rightsOf(larder, "eve@evil.example")).toBeUndefined();
    expect(await rightsOf(larder, ann.email)).toBeUndefined();
    await using context = await openContext(browser);
    await signIn(await context.newPage(), larder, "bob");
    expect(await rightsOf(larder, "bob@example.com")).toEqual(["member", "default:owner"]);
  });

  test("a local user is linked by a verified address, and by no other", async () => {
    await using both = await startBoth();
    const { larder, provider } = both;
    await using beside = identityBeside(larder.dataFolder);
    await beside.users.create({ email: ann.email, name: "Root", role: "admin" });
    provider.accounts.set("0001", { ...ann, email_verified: false });
    await using stranger = await openContext(browser);
    const refused = await stranger.newPage();
    await signIn(refused, larder);
    expect(await refused.getByRole("main").textContent()).toContain("has not verified your address");
    provider.accounts.set("0001", { ...ann, groups: [] });
    await using context = await openContext(browser);
    const page = await context.newPage();
    await signIn(page, larder);
    await page.goto(`${larder.url}/account`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Root");
    expect(await rightsOf(larder, ann.email)).toEqual(["admin", "default:viewer"]);
  });

  test("whoever no rule matches any more is signed out, and keeps what was given by hand", async () => {
    await using both = await startBoth();
    const { larder, provider } = both;
    await using context = await openContext(browser);
    const page = await context.newPage();
    await signIn(page, larder);
    // Not the dashboard, which leads to sign in by itself as soon as it hears of it.
    await page.goto(`${larder.url}/account`);
    await using beside = identityBeside(larder.dataFolder);
    const { id: teamId } = await beside.teams.get("default");
    await beside.members.set(teamId, (await beside.users.get(ann.email)).id, "viewer");
    provider.accounts.set("0001", { ...ann, email: "ann@elsewhere.example", groups: [] });
    await using other = await openContext(browser);
    const otherPage = await other.newPage();
    await signIn(otherPage, larder);
    expect(await otherPage.getByRole("main").textContent()).toContain("may no longer sign in");
    expect(await rightsOf(larder, ann.email)).toEqual(["member", "default:viewer"]);
    await page.goto(`${larder.url}/account`);
    expect(new URL(page.url()).pathname).toBe("/sign-in");
  });

  test("a code is good once: who repeats the callback, cookie and all, is not signed in", async () => {
    await using both = await startBoth();
    const { larder } = both;
    await using context = await openContext(browser);
    const page = await context.newPage();
    const asked = page.waitForRequest((request) => request.url().includes("/sign-in/oidc/callback"));
    await signIn(page, larder);
    const callback = (await asked).url();
    const cookie = (await (await asked).headerValue("cookie")) ?? "";
    expect(callback).toContain("code=");
    expect(cookie).toContain("larder_oidc=");
    const repeated = await fetch(callback, { redirect: "manual", headers: { cookie } });
    expect(repeated.status).toBe(400);
    expect(await repeated.text()).toContain("could not be completed");
    expect(repeated.headers.getSetCookie().join()).not.toContain("larder_session=lrs_");
    await larder.stop();
    expect(larder.stderr()).toContain("invalid_grant");
  });

  test("a callback in another browser than the one that began is refused", async () => {
    await using both = await startBoth();
    await using context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(`${both.larder.url}/sign-in/oidc`);
    await page.getByLabel("Subject").fill("0001");
    // As in a browser to which somebody has sent the link back, with a code that is good.
    await context.clearCookies({ name: "larder_oidc" });
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL((url) => url.pathname === "/sign-in/oidc/callback");
    expect(await page.getByRole("main").textContent()).toContain("begun in another browser");
    expect((await context.cookies(both.larder.url)).map(({ name }) => name)).not.toContain("larder_session");
    expect(await rightsOf(both.larder, ann.email)).toBeUndefined();
  });

  test("who says no at the provider is told so, and can start again", async () => {
    await using both = await startBoth();
    await using context = await openContext(browser);
    const page = await context.newPage();
    await signIn(page, both.larder, "0001", "Refuse");
    expect(await page.getByRole("main").textContent()).toContain("access_denied, <b>Not today</b>");
    await page.getByRole("link", { name: "Back to sign-in" }).click();
    await page.waitForURL((url) => url.pathname === "/sign-in");
    await signIn(page, both.larder);
    expect(page.url()).toBe(`${both.larder.url}/dashboard`);
    await page.goto(`${both.larder.url}/account`);
  });

  test("larder starts while the provider is down, says so on the page, and works when it is back", async () => {
    await using both = await startBoth();
    both.provider.isReady = false;
    await using context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(`${both.larder.url}/sign-in`);
    await page.getByRole("link", { name: "Sign in with Example ID" }).click();
    await page.getByRole("main").getByText("Example ID cannot be reached").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    both.provider.isReady = true;
    await signIn(page, both.larder);
    expect(page.url()).toBe(`${both.larder.url}/dashboard`);
    await page.goto(`${both.larder.url}/account`);
  });
});
