import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Place } from "../../src/config/place.ts";
import { formatSetting, type SettingKey, settingOf } from "../../src/config/settings.ts";

const place: Place = { env: {}, cwd: "/srv", platform: "linux", systemHome: undefined };
const read = (key: SettingKey, raw: unknown) => settingOf(key).kind.read(raw, place);

test.each([
  ["any=default:viewer", { match: { by: "any" }, grant: { team: "default", role: "viewer" } }],
  ["group:platform=admin", { match: { by: "group", value: "platform" }, grant: { role: "admin" } }],
  [
    "group:/a/b c=web:owner",
    { match: { by: "group", value: "/a/b c" }, grant: { team: "web", role: "owner" } },
  ],
  ["group:cn=web=member", { match: { by: "group", value: "cn=web" }, grant: { role: "member" } }],
  ["domain:Example.ORG=member", { match: { by: "domain", value: "example.org" }, grant: { role: "member" } }],
  [
    "email:Ann@example.org=admin",
    { match: { by: "email", value: "ann@example.org" }, grant: { role: "admin" } },
  ],
] as const)("%p is one rule", (text, rule) => {
  expect(read("oidcAccess", text)).toEqual({ value: [rule] });
});

test.each([
  "",
  ",",
  "any",
  "any:x=admin",
  "domain:=admin",
  "domain:@example.org=admin",
  "email:example.org=admin",
  // The sign for kelvin, of which some would make a k.
  "email:\u212Aate@example.org=admin",
  "group:web=owner",
  "group:web=web:admin",
  "group:web=Web:owner",
  "group: web=admin",
  "everybody=default:viewer",
  "domain:example.org",
  "[]",
  '["any=admin"',
  "any=admin,nonsense",
])("%p is none", (text) => {
  expect(read("oidcAccess", text)).toBeUndefined();
});

test("several rules stand in a list, in text with commas, or in JSON where one of them holds a comma", () => {
  const directory = "group:cn=web,ou=groups=web:member";
  expect(read("oidcAccess", ["any=member", directory])).toEqual(
    read("oidcAccess", JSON.stringify(["any=member", directory])) as { value: unknown },
  );
  expect(read("oidcAccess", "any=member, domain:example.org=web:viewer,")).toEqual(
    read("oidcAccess", ["any=member", "domain:example.org=web:viewer"]) as { value: unknown },
  );
  expect(read("oidcAccess", directory)).toBeUndefined();
});

test("rules read the same after printing, whatever the names", () => {
  const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,5}[a-z0-9])?$/);
  const who = fc.oneof(
    fc.constant("any"),
    fc.domain().map((domain) => `domain:${domain}`),
    fc.emailAddress().map((email) => `email:${email}`),
    fc.string({ unit: "grapheme" }).map((group) => `group:${group}`),
  );
  const what = fc.oneof(
    fc.constantFrom("admin", "member"),
    fc.tuple(slug, fc.constantFrom("owner", "member", "viewer")).map(([team, role]) => `${team}:${role}`),
  );
  const rule = fc.tuple(who, what).map(([left, right]) => `${left}=${right}`);
  const { kind } = settingOf("oidcAccess");
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => {
      const value = kind.read(rules, place);
      if (value) expect(kind.read(kind.format(value.value), place)).toEqual(value);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  "https://accounts.google.com",
  "https://id.example.com/application/o/larder/",
  "http://127.0.0.1:5556/dex",
  "http://localhost:8080/realms/main",
  "http://[::1]:8080",
])("an issuer may be %s, and keeps the slash that it has or has not", (issuer) => {
  expect(read("oidcIssuer", issuer)).toEqual({ value: issuer });
});

test.each([
  "http://id.example.com",
  "http://127.0.0.1.example.com",
  "http://localhost.example.com",
  "id.example.com",
  "https://id.example.com/.well-known/openid-configuration",
  "https://id.example.com/?a=b",
  "https://user:secret@id.example.com",
  "https://id.example.com ",
])("an issuer may not be %s", (issuer) => {
  expect(read("oidcIssuer", issuer)).toBeUndefined();
});

test("the scopes have to hold openid, without which there is no ID token", () => {
  expect(read("oidcScopes", "openid  groups")).toEqual({ value: "openid groups" });
  expect(read("oidcScopes", "email profile")).toBeUndefined();
});

test("the client's secret is never printed", () => {
  expect(formatSetting("oidcClientSecret", "hunter2")).toBe("****");
});

test("the examples of the manual are settings that larder takes", async () => {
  const manual = await Bun.file(join(import.meta.dir, "../../docs/single-sign-on.md")).text();
  const examples = [...manual.matchAll(/```toml\n(.*?)```/gs)].map(([, text]) =>
    Bun.TOML.parse(text as string),
  );
  expect(examples.length).toBeGreaterThan(5);
  for (const example of examples)
    for (const [key, value] of Object.entries(example))
      expect([key, read(key as SettingKey, value)]).toEqual([key, { value: expect.anything() }]);
});
