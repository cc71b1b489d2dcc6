import { expect, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { administrator, createUser, SiteClient, setupSecret } from "./site-client.ts";

function fieldsWith(secret: string, email = administrator.email) {
  const { password } = administrator;
  return { secret, email, name: "Ann", password, repeated: password };
}

test("before it is set up, every page leads to how that is done", async () => {
  await using larder = await startLarder();
  const client = new SiteClient(larder.url);
  const home = await client.get("/");
  expect(home.status).toBe(200);
  const homeText = await home.text();
  expect(homeText).toContain("This larder is not yet set up");
  // Nobody could.
  expect(homeText).not.toContain("/sign-in");
  const signIn = await (await client.get("/sign-in?next=%2Faccount")).text();
  expect(signIn).toContain("This larder is not yet set up");
  expect(signIn).not.toContain("<form");
  expect((await client.get("/account")).headers.get("location")).toStartWith("/sign-in");
  expect(await (await client.get("/setup")).text()).toContain("Make the first account.");
  // The first token is printed as before.
  expect(larder.firstToken).toStartWith("lrd_");
});

test("the link of the start makes one administrator, and is then used up", async () => {
  await using larder = await startLarder();
  const client = new SiteClient(larder.url);
  const secret = setupSecret(larder);
  for (const wrong of ["", "x", secret.slice(0, -1), `${secret}x`]) {
    const answer = await client.post("/setup", fieldsWith(wrong));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("This link is not valid");
    // It is told before anything is typed.
    const first = await client.post("/setup", { secret: wrong });
    expect(first.status).toBe(400);
    expect(await first.text()).not.toContain('name="email"');
  }
  const form = await client.post("/setup", { secret });
  expect(form.status).toBe(200);
  expect(await form.text()).toContain('name="email"');
  // What is typed wrong does not cost the link.
  const short = await client.post("/setup", { ...fieldsWith(secret), password: "short", repeated: "short" });
  expect(short.status).toBe(400);
  const text = await short.text();
  expect(text).toContain(`value="${secret}"`);
  expect(text).not.toContain('value="short"');

  const { email } = fieldsWith(secret);
  const own = await client.post("/setup", { ...fieldsWith(secret), password: email, repeated: email });
  expect([own.status, await own.text()]).toEqual([
    400,
    expect.stringContaining("This is your e-mail address"),
  ]);

  const other = await client.post("/setup", { ...fieldsWith(secret), repeated: "another one" });
  expect(other.status).toBe(400);
  expect(await other.text()).toContain("This is not the same password.");

  // Two at once: one comes first.
  const answers = await Promise.all(
    ["ann@example.org", "eve@example.org"].map((email) =>
      new SiteClient(larder.url).post("/setup", fieldsWith(secret, email)),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 409]);
  expect(JSON.parse((await larder.cli("user", "list", "--json")).stdout)).toMatchObject([{ role: "admin" }]);
  expect((await client.post("/setup", fieldsWith(secret))).status).toBe(409);
  expect(await (await client.get("/setup")).text()).toContain("Set up already");
  expect((await client.get("/")).headers.get("location")).toBe("/sign-in");
  expect(larder.stderr()).not.toContain(secret.slice(4));
});

test("a restart takes the place of the link, and after the set-up none is printed", async () => {
  await using first = await startLarder();
  const old = setupSecret(first);
  await first.stop();
  await using second = await startLarder({ dataFolder: first.dataFolder });
  const client = new SiteClient(second.url);
  expect((await client.post("/setup", fieldsWith(old))).status).toBe(400);
  expect((await client.post("/setup", fieldsWith(setupSecret(second)))).status).toBe(303);
  expect(await client.isSignedIn()).toBe(true);
  await second.stop();
  await using third = await startLarder({ dataFolder: first.dataFolder });
  expect(third.stdout()).not.toContain("/setup");
});

test("members that a command has made do not close the way to the first administrator", async () => {
  await using larder = await startLarder();
  await larder.cli("user", "create", "bob@example.org");
  const client = new SiteClient(larder.url);
  const secret = setupSecret(larder);
  const taken = await client.post("/setup", fieldsWith(secret, "bob@example.org"));
  expect(taken.status).toBe(400);
  expect(await taken.text()).toContain("There is a user bob@example.org already.");
  expect((await client.post("/setup", fieldsWith(secret))).status).toBe(303);
});

test("whoever can sign in before there is an administrator is shown the way", async () => {
  const bob = { email: "bob@example.org", password: "the password of bob" };
  await using larder = await startLarder();
  await createUser(larder, bob);
  const client = new SiteClient(larder.url);
  const home = await (await client.get("/")).text();
  expect(home).toContain("This larder is not yet set up");
  expect(home).toContain('href="/sign-in"');
  expect(await (await client.get("/sign-in")).text()).toContain("<h1>Sign in</h1>");
  await client.signIn(bob);
  expect((await client.get("/")).headers.get("location")).toBe("/dashboard");
});

test("single sign-on is a way to sign in before anybody has an account", async () => {
  // It is not asked for anything until somebody wants to sign in.
  const args = ["--oidc-issuer", "http://127.0.0.1:1", "--oidc-client-id", "larder"];
  await using larder = await startLarder({ args: [...args, "--base-path", "/cache"] });
  const client = new SiteClient(larder.url);
  const home = await (await client.get("/")).text();
  expect(home).toContain("This larder is not yet set up");
  expect(home).toContain('href="/cache/sign-in"');
  expect(await (await client.get("/sign-in")).text()).toContain("/sign-in/oidc?next=");
});

test("the link names the public URL", async () => {
  await using larder = await startLarder({ args: ["--public-url", "https://cache.example.org/larder"] });
  expect(larder.stdout()).toMatch(/^ {2}https:\/\/cache\.example\.org\/larder\/setup#lrl_\w{40}$/m);
});

test("the page says which passwords will do before one is refused", async () => {
  await using larder = await startLarder();
  const client = new SiteClient(larder.url);
  const form = await client.post("/setup", { secret: setupSecret(larder) });
  expect(await form.text()).toContain(
    "8 to 256 characters of any kind, and none of the passwords that everybody",
  );
});
