import { expect, test } from "bun:test";
import fc from "fast-check";
import { administrator, SiteClient } from "../sign-in/site-client.ts";
import {
  asHeader,
  ask,
  expectNoTraces,
  fieldText,
  headerText,
  marker,
  mostly,
  near,
  queryOf,
} from "./hostile.ts";
import { siteForAllTests, ways } from "./site.ts";

const site = siteForAllTests();
test("only the very cookie of a session signs in, over HTTP and over HTTPS each its own", async () => {
  const { secret } = site;
  const names = ["larder_session", "__Host-larder_session", "__Host-Larder_session", "larder_oidc", "", "$x"];
  const pair = fc.tuple(
    mostly("", fc.constantFrom(" ", "\t", "\xa0")),
    mostly("larder_session", fc.oneof(fc.constantFrom(...names), headerText)),
    mostly("=", fc.constantFrom(" = ", "==", "")),
    mostly(secret, fc.oneof(near(secret), headerText, fc.constant(`lrs_${marker}`))),
  );
  const cookie = fc
    .array(
      pair.map((parts) => asHeader(parts.join(""))),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.join("; "));
  let signedIn = 0;
  await fc.assert(
    fc.asyncProperty(
      cookie,
      mostly("", fc.constantFrom("http", "https", "HTTPS")),
      async (text, protocol) => {
        const headers = [`Cookie: ${text}`, `X-Forwarded-Proto: ${protocol}`];
        const answer = await ask(site.larder, { path: "/account", headers });
        if (answer.status !== 200) return expect([303, 400, 431]).toContain(answer.status);
        signedIn++;
        const isHttps = protocol.split(",")[0]?.trim().toLowerCase() === "https";
        const name = isHttps ? "__Host-larder_session" : "larder_session";
        expect(text).toMatch(new RegExp(`(?:^|;)\\s*${name}\\s*=\\s*${secret}\\s*(?:;|$)`));
      },
    ),
    { numRuns: 500, examples: [[`larder_session=${secret}`, ""]] },
  );
  expect(signedIn).toBeGreaterThan(10);
});

test("with a thousand cookies, or of a megabyte, none of them is taken for one of ours", async () => {
  for (const cookie of [
    Array.from({ length: 1_000 }, (_, index) => `a${index}=b`).join("; "),
    `larder_session=${"x".repeat(1_000_000)}`,
    ";".repeat(10_000),
    "=".repeat(10_000),
  ])
    expect([303, 400, 431]).toContain(
      (await ask(site.larder, { path: "/account", headers: [`Cookie: ${cookie}`] })).status,
    );
});

test("a form is taken from a page of this very session only, wherever its browser says that it comes from", async () => {
  const { host, secret, csrf } = site;
  const origin = fc.oneof(
    near(`http://${host}`),
    fc.constantFrom(
      "null",
      "http://evil.example",
      `http://${host}.evil.example`,
      `http://evil.example/#${host}`,
    ),
    headerText,
  );
  const sender = fc.oneof(
    fc.constantFrom(undefined, "same-origin", "same-site", "cross-site", "none", "SAME-ORIGIN", ""),
    headerText,
  );
  const token = mostly(csrf, fc.oneof(near(csrf), fc.constant("0".repeat(csrf.length)), fieldText));
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.option(mostly(`http://${host}`, origin), { nil: undefined }),
      fc.oneof(fc.constant(undefined), sender),
      token,
      mostly(host, fc.constantFrom("evil.example", "cache.test:80")),
      async (origin, sender, token, host) => {
        const headers = [
          `Host: ${host}`,
          `Cookie: larder_session=${secret}`,
          ...(origin === undefined ? [] : [`Origin: ${origin}`]),
          ...(sender === undefined ? [] : [`Sec-Fetch-Site: ${sender}`]),
        ];
        const form = [
          ["csrf", token],
          ["id", "none"],
        ] as const;
        const path = "/account/tokens/revoke";
        const answer = await ask(site.larder, { method: "POST", path, headers, form });
        // There is no such token, which only who is let in is told.
        if (answer.status !== 404) return expect([400, 403, 413, 431]).toContain(answer.status);
        taken++;
        expect(token).toBe(csrf);
        if (sender !== undefined) expect(sender.trim()).toBe("same-origin");
        else expect(URL.parse((origin ?? "").trim())?.host).toBe(new URL(`http://${host}`).host);
      },
    ),
    { numRuns: 500, examples: [[`http://${host}`, undefined, csrf, host]] },
  );
  expect(taken).toBeGreaterThan(10);
});

test("a script's change is taken with the very token of its session only, sent once", async () => {
  const { larder, secret, csrf } = site;
  const other = new SiteClient(larder.url);
  await other.signIn();
  const { csrfToken: others } = (await (await other.get("/api/v1/me")).json()) as { csrfToken: string };
  const value = mostly(
    csrf,
    fc.oneof(
      near(csrf),
      headerText,
      fc.constantFrom(others, marker, secret, "0".repeat(csrf.length), `${csrf.slice(0, -1)}\xe9`),
      fc.constantFrom(1_000, 20_000).map((times) => csrf.repeat(times / 100)),
    ),
  ).map(asHeader);
  const cookie = fc.constantFrom<string[]>(
    [`Cookie: larder_session=${secret}`],
    [`Cookie: larder_session=${secret}`, `Cookie: larder_session=lrs_${marker}`],
    [`Cookie: ${other.cookie}`],
    [],
  );
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      // Mostly one, as only one is let in.
      fc.oneof(fc.tuple(value), fc.array(value, { maxLength: 3 })),
      fc.constantFrom("X-CSRF-Token", "x-csrf-token"),
      cookie,
      async (values, name, cookies) => {
        const headers = [`Origin: ${larder.url}`, ...cookies, ...values.map((text) => `${name}: ${text}`)];
        const answer = await ask(larder, { method: "DELETE", path: "/api/v1/tokens/none", headers });
        // There is no such token, which only who is let in is told.
        if (answer.status !== 404) return expect([400, 401, 403, 431]).toContain(answer.status);
        taken++;
        const isOthers = cookies.includes(`Cookie: ${other.cookie}`);
        expect(values.map((text) => text.replaceAll(/^[ \t]+|[ \t]+$/g, ""))).toEqual([
          isOthers ? others : csrf,
        ]);
      },
    ),
    { numRuns: 300, examples: [[[csrf], "X-CSRF-Token", [`Cookie: larder_session=${secret}`]]] },
  );
  expect(taken).toBeGreaterThan(10);
});

test("no Host leads anybody away, and none that is no name is answered with more than a refusal", async () => {
  const { host } = site;
  const name = fc.oneof(
    headerText,
    near(host),
    fc.constantFrom("evil.example", "[::1]", "a@b", "a b", "%2f"),
  );
  const path = fc.constantFrom(
    "/",
    "/account",
    "/sign-in",
    "/turborepo/token",
    "//turborepo/token?redirect_uri=x",
  );
  await fc.assert(
    fc.asyncProperty(name, path, headerText, async (text, path, protocol) => {
      const headers = [`Host: ${text}`, `X-Forwarded-Proto: ${protocol}`, `X-Forwarded-Host: ${text}`];
      const { status } = await ask(site.larder, { path, headers });
      expect([200, 303, 400, 431]).toContain(status);
    }),
    { numRuns: 200 },
  );
});

test("after a sign-in nobody is led away, however the way there is written", async () => {
  const { secret } = site;
  await fc.assert(
    fc.asyncProperty(ways, fc.constantFrom("next", "next[]", "Next"), async (text, name) => {
      const headers = [`Cookie: larder_session=${secret}`];
      const answer = await ask(site.larder, { path: `/sign-in${queryOf([[name, text]])}`, headers });
      expect([303, 400]).toContain(answer.status);
      // The same for who is not yet signed in, and for single sign-on.
      await ask(site.larder, { path: `/sign-in${queryOf([[name, text]])}` });
    }),
    { numRuns: 200 },
  );
});

test("and in the end nothing of it stands in the log or the database, and nothing was a fault", async () => {
  expect(await site.client.isSignedIn()).toBe(true);
  await expectNoTraces(site.larder, site.secret, site.csrf, administrator.password);
});
