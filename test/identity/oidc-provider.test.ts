import { expect, test } from "bun:test";
import { OidcProvider, type OidcProviderOptions } from "../../src/identity/oidc-provider.ts";
import { refusalOf } from "../refusal.ts";
import { type Lies, type LyingProvider, startLyingProvider } from "../sign-in/lying-provider.ts";

const redirectUri = "http://127.0.0.1:5273/sign-in/oidc/callback";
const clientSecret = "correct horse battery staple of the client";

/** A client of the provider, and what it would have logged. */
function clientOf(issuer: string, options: Partial<OidcProviderOptions> = {}) {
  const failures: string[] = [];
  const client = new OidcProvider({
    issuer,
    clientId: "larder",
    clientSecret,
    name: "Example ID",
    scopes: "openid email",
    groupsClaim: "groups",
    needsGroups: true,
    onFailure: (reason) => failures.push(reason),
    ...options,
  });
  return { client, failures };
}

async function signIn(provider: LyingProvider, options: Partial<OidcProviderOptions> = {}) {
  const { client } = clientOf(provider.issuer, options);
  const { url, attempt } = await client.begin(redirectUri);
  return await client.finish(provider.approve(url), attempt);
}

test("a sign-in ends with who it was", async () => {
  await using provider = await startLyingProvider();
  expect(await signIn(provider)).toEqual({
    issuer: provider.issuer,
    subject: "0001",
    email: "ann@example.org",
    isEmailVerified: true,
    name: undefined,
    groups: ["web"],
  });
  expect(provider.asked).not.toContain("/userinfo");
});

test("the browser is sent with state, nonce and a challenge, each new, and the secret code goes to the provider only", async () => {
  await using provider = await startLyingProvider();
  const { client } = clientOf(provider.issuer);
  const { url, attempt } = await client.begin(redirectUri);
  const query = Object.fromEntries(url.searchParams);
  expect(query).toMatchObject({
    response_type: "code",
    client_id: "larder",
    redirect_uri: redirectUri,
    scope: "openid email",
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge_method: "S256",
  });
  expect(query.code_challenge).toBe(
    new Bun.CryptoHasher("sha256").update(attempt.codeVerifier).digest("base64url"),
  );
  const other = await client.begin(redirectUri);
  for (const key of ["state", "nonce", "codeVerifier"] as const) {
    expect(other.attempt[key]).not.toBe(attempt[key]);
    expect(attempt[key].length).toBeGreaterThanOrEqual(43);
  }
  await client.finish(provider.approve(url), attempt);
  expect(Object.fromEntries(provider.tokenRequests[0] ?? [])).toMatchObject({
    code_verifier: attempt.codeVerifier,
    redirect_uri: redirectUri,
    grant_type: "authorization_code",
  });
  expect(url.href).not.toContain(attempt.codeVerifier);
});

const now = () => Math.floor(Date.now() / 1000);
const lies: [string, () => Lies][] = [
  ["comes from another issuer", () => ({ claims: { iss: "https://evil.example" } })],
  ["is meant for another client", () => ({ claims: { aud: "another" } })],
  ["is meant for several, and for another above all", () => ({ claims: { aud: ["larder", "b"], azp: "b" } })],
  ["is about nobody", () => ({ claims: { sub: undefined } })],
  ["has another sign-in's nonce", () => ({ claims: { nonce: "another" } })],
  ["has no nonce", () => ({ claims: { nonce: undefined } })],
  ["has expired", () => ({ claims: { iat: now() - 600, exp: now() - 300 } })],
  ["never expires", () => ({ claims: { exp: undefined } })],
  ["is not valid yet", () => ({ claims: { nbf: now() + 3600 } })],
  ["is not signed", () => ({ unsigned: true })],
  [
    "is not signed, as the provider announces",
    () => ({ unsigned: true, metadata: { id_token_signing_alg_values_supported: ["none"] } }),
  ],
  ["is signed with a foreign key", () => ({ withForeignKey: true })],
  ["is signed with the client's secret", () => ({ withSecret: clientSecret })],
  [
    "is not there",
    () => ({ answers: { "/token": () => Response.json({ access_token: "a", token_type: "Bearer" }) } }),
  ],
];

test.each(lies)("an ID token that %s proves nothing", async (_, lie) => {
  await using provider = await startLyingProvider();
  provider.lies = lie();
  const { client, failures } = clientOf(provider.issuer);
  const { url, attempt } = await client.begin(redirectUri);
  expect((await refusalOf(client.finish(provider.approve(url), attempt))).code).toBe("bad_request");
  expect(failures).toHaveLength(1);
  expect(failures[0]).not.toMatch(/eyJ|the-code|the-access-token|correct horse/);
});

test("another state, none, or a callback without a code is refused, and the provider is not asked for tokens", async () => {
  await using provider = await startLyingProvider();
  const { client } = clientOf(provider.issuer);
  const { url, attempt } = await client.begin(redirectUri);
  const back = provider.approve(url);
  for (const change of [
    (query: URLSearchParams) => query.set("state", "another"),
    (query: URLSearchParams) => query.delete("state"),
    (query: URLSearchParams) => query.append("state", "another"),
    (query: URLSearchParams) => query.delete("code"),
    (query: URLSearchParams) => query.set("iss", "https://evil.example"),
  ]) {
    const changed = new URL(back);
    change(changed.searchParams);
    expect((await refusalOf(client.finish(changed, attempt))).code).toBe("bad_request");
  }
  expect(provider.asked).not.toContain("/token");
});

test("what the provider says against a sign-in is shown within bounds, and only with the right state", async () => {
  await using provider = await startLyingProvider();
  const { client } = clientOf(provider.issuer);
  const { url, attempt } = await client.begin(redirectUri);
  const back = new URL(redirectUri);
  back.searchParams.set("error", "access_denied");
  back.searchParams.set("error_description", `no\n\u202e${"x".repeat(5_000)}`);
  expect((await refusalOf(client.finish(back, attempt))).message).not.toContain("access_denied");
  back.searchParams.set("state", url.searchParams.get("state") as string);
  const refused = await refusalOf(client.finish(back, attempt));
  expect(refused.code).toBe("forbidden");
  expect(refused.message).toContain("Example ID did not sign you in: access_denied, no ");
  expect(refused.message).not.toMatch(/[\n\u202e]/);
  expect(refused.message.length).toBeLessThan(400);
});

test("userinfo is asked for what the ID token leaves out, and is about the same subject", async () => {
  await using provider = await startLyingProvider();
  provider.lies = {
    claims: { email: undefined, email_verified: undefined, groups: undefined },
    userInfo: { email: "ann@example.org", email_verified: true, groups: ["ops"], name: "Ann" },
  };
  expect(await signIn(provider)).toMatchObject({
    email: "ann@example.org",
    isEmailVerified: true,
    groups: ["ops"],
    name: "Ann",
  });
  provider.lies.userInfo = { ...provider.lies.userInfo, sub: "0002" };
  expect((await refusalOf(signIn(provider))).code).toBe("bad_request");
});

test("groups that no rule wants are not asked for", async () => {
  await using provider = await startLyingProvider();
  provider.lies = { claims: { groups: undefined }, userInfo: { groups: ["ops"] } };
  expect((await signIn(provider, { needsGroups: false })).groups).toEqual([]);
  expect(provider.asked).not.toContain("/userinfo");
});

test("what one place calls verified is not taken for the other's address", async () => {
  await using provider = await startLyingProvider();
  provider.lies = {
    claims: { email: "ann@example.org", email_verified: undefined },
    userInfo: { email: "eve@evil.example", email_verified: true },
  };
  expect(await signIn(provider)).toMatchObject({ email: "eve@evil.example", isEmailVerified: true });
  provider.lies = {
    claims: { email: "ann@example.org", email_verified: undefined },
    userInfo: { email_verified: true },
  };
  expect(await signIn(provider)).toMatchObject({ email: "ann@example.org", isEmailVerified: undefined });
});

test.each([
  [true, true],
  ["true", true],
  [false, false],
  ["false", false],
  [1, false],
  [null, undefined],
])("email_verified %p means %p", async (claim, meaning) => {
  await using provider = await startLyingProvider();
  provider.lies = { claims: { email_verified: claim } };
  expect((await signIn(provider)).isEmailVerified).toBe(meaning);
});

test.each([
  ["groups", { groups: "web" }, ["web"]],
  ["groups", { groups: ["web", 1, null, "ops"] }, ["web", "ops"]],
  ["groups", { groups: { web: true } }, []],
  ["realm_access.roles", { realm_access: { roles: ["web"] } }, ["web"]],
  ["https://example.org/groups", { "https://example.org/groups": ["web"] }, ["web"]],
  ["constructor.name", {}, []],
])("the claim %p of %p gives the groups %p", async (groupsClaim, claims, groups) => {
  await using provider = await startLyingProvider();
  provider.lies = { claims: { groups: undefined, ...claims } };
  expect((await signIn(provider, { groupsClaim })).groups).toEqual(groups);
});

test("the client proves itself as the provider wants it", async () => {
  await using provider = await startLyingProvider();
  const basic = `Basic ${btoa(`larder:${encodeURIComponent(clientSecret).replaceAll("%20", "+")}`)}`;
  await signIn(provider);
  provider.lies = { metadata: { token_endpoint_auth_methods_supported: ["client_secret_post"] } };
  await signIn(provider);
  provider.lies = {
    metadata: { token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"] },
  };
  await signIn(provider);
  await signIn(provider, { clientSecret: undefined });
  expect(provider.authorizations).toEqual([basic, null, basic, null]);
  expect(provider.tokenRequests.map((body) => body.get("client_secret"))).toEqual([
    null,
    clientSecret,
    null,
    null,
  ]);
});

test("a provider that is down is asked again by the next sign-in, and several at once ask once", async () => {
  await using provider = await startLyingProvider();
  const settings = "/.well-known/openid-configuration";
  provider.lies = { answers: { [settings]: () => new Response("starting", { status: 503 }) } };
  const { client, failures } = clientOf(provider.issuer);
  const refused = await Promise.all([
    refusalOf(client.begin(redirectUri)),
    refusalOf(client.begin(redirectUri)),
  ]);
  expect(refused.map(({ code }) => code)).toEqual(["unavailable", "unavailable"]);
  expect(refused[0]?.message).toContain("Example ID cannot be reached");
  expect(provider.asked).toEqual([settings]);
  expect(failures[0]).toContain("status 503");
  provider.lies = {};
  await client.begin(redirectUri);
  await client.begin(redirectUri);
  expect(provider.asked).toEqual([settings, settings]);
});

test("nothing there, no JSON, no end in time: each is a provider that cannot be reached", async () => {
  await using provider = await startLyingProvider();
  await using plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const closed = await startLyingProvider();
  await closed[Symbol.asyncDispose]();
  expect((await refusalOf(clientOf(closed.issuer).client.begin(redirectUri))).code).toBe("unavailable");
  expect((await refusalOf(clientOf(plain.url.origin).client.begin(redirectUri))).code).toBe("unavailable");
  const endless = () => new Response(new ReadableStream({ pull: () => new Promise<void>(() => {}) }));
  provider.lies = { answers: { "/.well-known/openid-configuration": endless } };
  const { client, failures } = clientOf(provider.issuer, { timeoutMs: 50 });
  const begunAt = performance.now();
  expect((await refusalOf(client.begin(redirectUri))).code).toBe("unavailable");
  expect(failures[0]).toContain("timed out");
  // Half of the library's own.
  expect(performance.now() - begunAt).toBeLessThan(15_000);
});

test("a provider that goes away before the end of a sign-in cannot be reached either", async () => {
  const provider = await startLyingProvider();
  const { client } = clientOf(provider.issuer);
  const { url, attempt } = await client.begin(redirectUri);
  const back = provider.approve(url);
  await provider[Symbol.asyncDispose]();
  expect((await refusalOf(client.finish(back, attempt))).code).toBe("unavailable");
});

test.each([
  ["in the body", {}],
  ["in a header, too", { "www-authenticate": 'Basic realm="id", error="invalid_client"' }],
])(
  "a provider that does not take the client's secret and says so %s is there, and the log says what is wrong",
  async (_, headers) => {
    await using provider = await startLyingProvider();
    const token = () => Response.json({ error: "invalid_client" }, { status: 401, headers });
    provider.lies = { answers: { "/token": token } };
    const { client, failures } = clientOf(provider.issuer);
    const { url, attempt } = await client.begin(redirectUri);
    expect((await refusalOf(client.finish(provider.approve(url), attempt))).code).toBe("bad_request");
    expect(failures[0]).toContain("invalid_client");
  },
);

test("clocks that differ by some seconds are near enough", async () => {
  await using provider = await startLyingProvider();
  provider.lies = { claims: { iat: now() + 15, nbf: now() + 15 } };
  await signIn(provider);
  provider.lies = { claims: { iat: now() - 60, exp: now() - 15 } };
  await signIn(provider);
});

test.each([undefined, "ftp://id.example.com/", "javascript:alert(1)"])(
  "a provider whose page is at %s cannot be signed in with",
  async (endpoint) => {
    await using provider = await startLyingProvider();
    provider.lies = { metadata: { authorization_endpoint: endpoint } };
    const { client } = clientOf(provider.issuer);
    expect((await refusalOf(client.begin(redirectUri))).code).toBe("unavailable");
  },
);

test("a provider that calls itself otherwise is none", async () => {
  await using provider = await startLyingProvider();
  provider.lies = { metadata: { issuer: "https://id.example.com" } };
  const { client, failures } = clientOf(provider.issuer);
  expect((await refusalOf(client.begin(redirectUri))).code).toBe("unavailable");
  expect(failures[0]).toContain("issuer");
});
