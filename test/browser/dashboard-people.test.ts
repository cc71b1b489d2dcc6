import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { identityBeside } from "../identity/beside.ts";
import { chromium } from "../known-tools.ts";
import type { RunningLarder } from "../larder.ts";
import { createUser, SiteClient, startSetUp } from "../sign-in/site-client.ts";
import { describeWith } from "../tools.ts";
import { accessibilityProblems, launchChromium, press } from "./browser.ts";
import { arrive, beforeAnswer, Visitors, visit } from "./visitors.ts";

const password = "the password of a test";

describeWith(chromium, "people in the dashboard", (path) => {
  let browser: Browser;
  let started: Awaited<ReturnType<typeof startSetUp>>;
  let larder: RunningLarder;
  let visitors: Visitors;

  beforeAll(async () => {
    [browser, started] = await Promise.all([launchChromium(path), startSetUp()]);
    larder = started.larder;
    visitors = new Visitors(browser);
    for (const team of ["web", "mobile"]) await larder.cli("team", "create", team);
  });
  afterEach(() => visitors.leave());
  afterAll(async () => {
    await browser.close();
    await started[Symbol.asyncDispose]();
  });

  /** The administrator's browser, at a page of the dashboard. */
  async function openAdministrator(route: string, title: string): Promise<Page> {
    const page = await visitors.open(started.client);
    await visit(page, larder.url, route, title);
    return page;
  }

  /** Somebody with a password, in a browser. */
  async function openUser(name: string, ...teams: string[]): Promise<{ page: Page; site: SiteClient }> {
    const account = { email: `${name}@example.org`, password };
    await createUser(larder, account, ...teams.flatMap((team) => ["--team", team]));
    const site = new SiteClient(larder.url);
    await site.signIn(account);
    return { page: await visitors.open(site), site };
  }

  /** Follows a link in a browser that knows nobody, and chooses a password there. */
  async function choosePassword(link: string, chosen: string): Promise<Page> {
    const page = await visitors.openSignedOut(larder.url);
    await page.goto(link);
    await page.getByLabel("New password", { exact: true }).fill(chosen);
    await page.getByLabel("New password, once more").fill(chosen);
    await press(page, "Set password and sign in");
    return page;
  }

  /** The link that a dialog shows this once. */
  async function shownLink(page: Page): Promise<string> {
    return (await page
      .getByRole("dialog")
      .getByText(/\/password#lrl_/)
      .textContent()) as string;
  }

  test("are invited, choose a password elsewhere, and see their own teams and no others", async () => {
    const ann = await openAdministrator("/users", "Users");
    await ann.getByRole("button", { name: "New user" }).click();
    const dialog = ann.getByRole("dialog");
    await dialog.getByLabel("E-mail address").fill("bob@example.org");
    await dialog.getByLabel("Name").fill("Bob Baker");
    await dialog.getByLabel("Team", { exact: true }).selectOption("web");
    await dialog.getByLabel("Role in the team").selectOption("owner");
    await dialog.getByRole("button", { name: "Create user" }).click();
    const link = await shownLink(ann);
    await dialog.getByRole("button", { name: "Done" }).click();
    const row = ann.getByRole("row").filter({ hasText: "bob@example.org" });
    expect(await row.textContent()).toContain("web (owner)");
    expect(await row.textContent()).toContain("not yet");

    const bob = await choosePassword(link, password);
    await arrive(bob, "Overview");
    const links = await bob.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();
    expect(links).toEqual([
      "Overview",
      "Runs",
      "Artifacts",
      "Connect",
      "Teams",
      "Tokens",
      "CI policies",
      "Audit log",
    ]);
    await bob.getByRole("link", { name: "Teams" }).click();
    await arrive(bob, "Teams");
    expect(await bob.locator("tbody th").allTextContents()).toEqual(["web"]);
    // Another team is none that he may know of, by its address either.
    visitors.expectRefusals(403);
    await bob.goto(`${larder.url}/dashboard/teams/mobile`);
    await bob.getByRole("alert").waitFor();
    // Gone with all that the page may yet be told.
    await bob.goto("about:blank");
    visitors.expectRefusals();
    await bob.goto(`${larder.url}/dashboard/users`);
    await bob.getByText("This page is for the administrators of this server").waitFor();
    expect(await accessibilityProblems(bob)).toEqual([]);
    // The link has been used.
    visitors.expectRefusals(400);
    const again = await visitors.openSignedOut(larder.url);
    await again.goto(link);
    await again.getByRole("heading", { name: "Choose a password" }).waitFor();
    await again.locator("input[aria-invalid]").waitFor();
    expect(await again.getByLabel("New password", { exact: true }).count()).toBe(0);
  });

  test("are offered what they may in the team that they look at, and told whose the rest is", async () => {
    const { page: gus } = await openUser("gus", "web=owner", "mobile=viewer");
    const links = () => gus.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();
    await visit(gus, larder.url, "/audit?team=web", "Audit log");
    await gus.getByText("member.set").first().waitFor();
    expect(await links()).toContain("Audit log");
    await gus.locator("header select").selectOption("mobile");
    await gus.getByText("This page is for the owners of a team").waitFor();
    expect(await links()).not.toContain("Audit log");
    expect(await accessibilityProblems(gus)).toEqual([]);
    await visit(gus, larder.url, "/connect?team=mobile", "Connect");
    await gus.getByText("It may read, and is put into the lines below.").waitFor();
    expect(await gus.getByRole("link", { name: "CI policy", exact: true }).count()).toBe(0);
    await gus.getByRole("button", { name: "Create a token" }).click();
    await gus.getByText("The token, shown only now").waitFor();
    await visit(gus, larder.url, "/connect?team=web", "Connect");
    await gus.getByRole("link", { name: "CI policy", exact: true }).click();
    await arrive(gus, "CI policies");
    await larder.cli("policy", "create", "--team", "web", "--provider", "gitlab", "--repository", "acme/web");
    await visit(gus, larder.url, "/connect?team=web", "Connect");
    await gus.getByRole("button", { name: "Copy In .gitlab-ci.yml" }).waitFor();
  });

  test("are offered for a token of their own what they may, and no more", async () => {
    const offered = async (page: Page, holder: string) => {
      await visit(page, larder.url, "/tokens", "Tokens");
      await page.getByRole("button", { name: "New token" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Belongs to").selectOption(holder);
      return await dialog
        .getByLabel("Permission")
        .locator("option")
        .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    };
    const { page: reader } = await openUser("rita", "web=viewer", "mobile=viewer");
    expect(await offered(reader, "Yourself")).toEqual(["read"]);
    const { page: writer } = await openUser("walt", "web=member", "mobile=viewer");
    expect(await offered(writer, "Yourself")).toEqual(["read", "write"]);
    const { page: owner } = await openUser("olga", "web=owner");
    expect(await offered(owner, "Yourself")).toEqual(["read", "write", "admin"]);
    expect(await offered(owner, "Team web")).toEqual(["read", "write", "admin"]);
  });

  test("get another link for a password that they forgot, which is shown this once", async () => {
    const { site } = await openUser("carla", "web=viewer");
    const ann = await openAdministrator("/users", "Users");
    await ann.getByRole("button", { name: "Reset link for carla@example.org" }).click();
    await ann.getByRole("button", { name: "Make the link" }).click();
    await ann.getByRole("heading", { name: "Link for carla@example.org", exact: true }).waitFor();
    const link = await shownLink(ann);
    await ann.getByRole("button", { name: "Done" }).click();
    await ann.getByRole("dialog").waitFor({ state: "detached" });
    expect(await ann.content()).not.toContain(link);

    const carla = await choosePassword(link, "another password of a test");
    await arrive(carla, "Overview");
    expect(await site.isSignedIn()).toBe(false);
  });

  test("join a team, get another role, and leave it again, and their pages follow", async () => {
    const { page: dora } = await openUser("dora");
    await dora.goto(`${larder.url}/dashboard`);
    await arrive(dora, "Welcome");
    const ann = await openAdministrator("/teams/web", "web");

    await ann.getByLabel("Add by e-mail address").fill("nobody@example.org");
    visitors.expectRefusals(400, 403, 404);
    await ann.getByRole("button", { name: "Add", exact: true }).click();
    expect(await ann.getByRole("alert").textContent()).toContain("nobody@example.org");
    await ann.getByLabel("Add by e-mail address").fill("dora@example.org");
    await ann.getByLabel("Role", { exact: true }).selectOption("owner");
    await ann.getByRole("button", { name: "Add", exact: true }).click();
    const role = ann.getByLabel("Role of dora@example.org");
    await role.waitFor();
    expect(await role.inputValue()).toBe("owner");

    await visit(dora, larder.url, "/teams/web", "web");
    await dora.getByRole("button", { name: "Save" }).waitFor();
    await Promise.all([
      ann.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok()),
      role.selectOption("viewer"),
    ]);
    // What she may no longer do is refused, and then no longer offered.
    await dora.getByLabel("Name", { exact: true }).fill("Hers");
    await dora.getByRole("button", { name: "Save" }).click();
    await dora.getByRole("button", { name: "Save" }).waitFor({ state: "detached" });
    expect(await dora.getByRole("heading", { level: 1 }).textContent()).toBe("web");
    expect(JSON.parse((await larder.cli("team", "show", "web", "--json")).stdout).name).toBe("web");

    await ann.getByRole("button", { name: "Remove dora@example.org" }).click();
    await ann.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
    await role.waitFor({ state: "detached" });
    await dora.goto(`${larder.url}/dashboard/runs`);
    await arrive(dora, "Welcome");
    expect(await dora.getByText("You are in no team yet").isVisible()).toBe(true);
  });

  test("have roles by single sign-on that an owner sees, and an administrator may change", async () => {
    await using identity = identityBeside(larder.dataFolder);
    const { id } = await identity.users.create({ email: "sso@example.org" });
    await identity.members.set((await identity.teams.get("mobile")).id, id, "member", "oidc");
    const { page: fay } = await openUser("fay", "mobile=owner");
    await visit(fay, larder.url, "/teams/mobile", "mobile");
    const row = fay.getByRole("row").filter({ hasText: "sso@example.org" });
    await row.getByText("Member", { exact: true }).waitFor();
    expect(await row.getByRole("combobox").or(row.getByRole("button")).count()).toBe(0);
    expect(await fay.getByLabel("Role of fay@example.org").count()).toBe(1);
    const ann = await openAdministrator("/teams/mobile", "mobile");
    await ann.getByLabel("Role of sso@example.org").waitFor();
    expect(await ann.getByRole("button", { name: "Remove sso@example.org" }).count()).toBe(1);
  });

  test("are signed out by whoever disables them, or deletes them", async () => {
    const { page: eve } = await openUser("eve", "web=member");
    await visit(eve, larder.url, "/", "Overview");
    const ann = await openAdministrator("/users", "Users");
    await ann.getByRole("button", { name: "Edit eve@example.org" }).click();
    await ann.getByLabel("State").selectOption("disabled");
    // Eve's page learns of it by itself, and at once.
    visitors.expectRefusals(401);
    await ann.getByRole("button", { name: "Save" }).click();
    const row = ann.getByRole("row").filter({ hasText: "eve@example.org" });
    await row.getByText("disabled", { exact: true }).waitFor();
    await eve.waitForURL(/\/sign-in\?/);
    await eve.getByLabel("E-mail address").fill("eve@example.org");
    await eve.getByLabel("Password").fill(password);
    visitors.expectRefusals(401, 403);
    await press(eve, "Sign in");
    await eve.getByRole("alert").waitFor();

    await ann.getByRole("button", { name: "Delete eve@example.org" }).click();
    await ann.getByRole("button", { name: "Delete user" }).click();
    await row.waitFor({ state: "detached" });
    expect((await larder.cli("user", "list")).stdout).not.toContain("eve@example.org");
  });

  test("who signed out elsewhere are told so, and go on where they were", async () => {
    const { page: finn, site } = await openUser("finn", "web=member");
    await visit(finn, larder.url, "/runs?since=7d", "Runs");
    visitors.expectRefusals(401);
    // His page hears of it by itself, too, and then leads away from where it is.
    await beforeAnswer(
      finn,
      ({ pathname, searchParams }) => pathname.endsWith("/runs") && searchParams.get("since") === "30d",
      () => site.postFromAccount("/sign-out-everywhere"),
    );
    await finn.getByLabel("Started", { exact: true }).selectOption("30d");
    await finn.waitForURL(/\/sign-in\?/);
    expect(await finn.getByRole("status").textContent()).toBe(
      "You are not signed in any more. Sign in to go on where you were.",
    );
    await finn.getByLabel("E-mail address").fill("finn@example.org");
    await finn.getByLabel("Password").fill(password);
    await finn.getByRole("button", { name: "Sign in" }).click();
    await arrive(finn, "Runs");
    expect(new URL(finn.url()).search).toBe("?since=30d");
  });
});
