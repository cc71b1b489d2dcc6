import { expect, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { administrator, SiteClient, setupSecret, startSetUp } from "./site-client.ts";

function signInFields() {
  return { email: administrator.email, password: administrator.password };
}

test("over HTTP the cookie is out of reach for scripts and other sites, and lasts for the session", async () => {
  await using t = await startSetUp({ args: ["--session-max-age", "2h"] });
  const answer = await new SiteClient(t.larder.url).post("/sign-in", signInFields());
  expect(answer.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^larder_session=lrs_\w{40}; Path=\/; Max-Age=7200; HttpOnly; SameSite=Lax$/),
  ]);
});

test("below a base path the cookie is for it alone, and so are the links", async () => {
  await using t = await startSetUp({ args: ["--base-path", "/cache"] });
  expect(t.larder.url).toEndWith("/cache");
  expect(setupSecret(t.larder)).toStartWith("lrl_");
  const answer = await new SiteClient(t.larder.url).post("/sign-in", {
    ...signInFields(),
    next: "/account?a=b",
  });
  expect(answer.headers.getSetCookie()[0]).toContain("; Path=/cache; ");
  expect(answer.headers.get("location")).toBe("/cache/account?a=b");
  const page = await (await t.client.get("/account")).text();
  expect(page).toContain('action="/cache/sign-out"');
  const unknown = new SiteClient(t.larder.url);
  for (const path of ["", "/"])
    expect((await unknown.get(path)).headers.get("location")).toBe("/cache/sign-in");
  expect((await unknown.get("/account?a=b")).headers.get("location")).toBe(
    "/cache/sign-in?next=%2Faccount%3Fa%3Db",
  );
});

test.each([
  ["a public URL with https", ["--public-url", "https://cache.example.org/larder"], {}],
  ["a proxy that speaks https", [], { "x-forwarded-proto": "https" }],
  ["one that does so through another", [], { "x-forwarded-proto": "https, http" }],
] as const)("with %s the cookie is for this very host, and for HTTPS only", async (_, args, headers) => {
  await using larder = await startLarder({ args: [...args] });
  const client = new SiteClient(larder.url, headers);
  await client.setUp(larder);
  const answer = await client.post("/sign-in", signInFields());
  expect(answer.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-larder_session=lrs_\w{40}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/,
    ),
  ]);
  expect(answer.headers.get("location")).toBe(args.length > 0 ? "/larder/dashboard" : "/dashboard");
  expect(await client.isSignedIn()).toBe(true);
  // One that another host of the domain, or somebody on the way, may have planted does not count.
  client.cookie = client.cookie.replace("__Host-", "");
  expect(await client.isSignedIn()).toBe(false);
});

test("a sign-in has a new cookie each time, and the one before is worth nothing then", async () => {
  await using t = await startSetUp();
  const before = t.client.cookie;
  await t.client.signIn();
  expect(t.client.cookie).not.toBe(before);
  expect(await t.client.isSignedIn()).toBe(true);
  t.client.cookie = before;
  expect(await t.client.isSignedIn()).toBe(false);
});

test("signing out ends the session on the server, too, and takes the cookie away", async () => {
  await using t = await startSetUp();
  const before = t.client.cookie;
  const answer = await t.client.postFromAccount("/sign-out");
  expect(answer.headers.getSetCookie()).toEqual([
    "larder_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
  ]);
  t.client.cookie = before;
  expect(await t.client.isSignedIn()).toBe(false);
});

test("a cookie that nobody was given is nobody's", async () => {
  await using t = await startSetUp();
  const [name] = t.client.cookie.split("=");
  for (const value of ["", "x", "lrs_", `lrs_${"A".repeat(40)}`, `lrs_${"A".repeat(20_000 / 4)}`, "%00"]) {
    t.client.cookie = `${name}=${value}`;
    expect(await t.client.isSignedIn()).toBe(false);
  }
});
