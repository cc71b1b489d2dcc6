import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Attempts } from "../../src/identity/attempts.ts";
import { checkEmail, isEmail, normalEmail } from "../../src/identity/email.ts";
import { grantsOf } from "../../src/identity/sign-in-rules.ts";
import { writersOf } from "../../src/identity/writers.ts";
import { openTestIdentity } from "./test-identity.ts";

/** The first letter is the sign for kelvin, of which `toLowerCase` makes a k. */
const kelvin = "\u212Aate@example.org";

describe("an e-mail address", () => {
  test.each(["ann@example.org", "a.b+c@mail.example.co.uk", "ann@localhost", "ann@xn--bcher-kva.example"])(
    "may be %s",
    (email) => {
      expect(() => checkEmail(email)).not.toThrow();
    },
  );

  test.each([
    "",
    "ann",
    "@example.org",
    "ann@",
    "ann@@example.org",
    "ann @example.org",
    "ann@example.org\n",
    "<ann@example.org>",
    "ann\0@example.org",
    `${"a".repeat(65)}@example.org`,
    `ann@${"a".repeat(190)}`,
  ])("may not be %j", (email) => {
    expect(() => checkEmail(email)).toThrow("no e-mail address");
  });

  test.each([
    kelvin,
    "jörg@example.org",
    "jo\u0308rg@example.org",
    "ann@bücher.example",
    "ann\u202e@example.org",
  ])(
    "holds no other letters than those of ASCII, as %j does, and it is said how a domain is written",
    (email) => {
      expect(() => checkEmail(email)).toThrow("xn--");
    },
  );

  test("is one with those in other case only, and not with those that other letters make look alike", () => {
    /** Some of these become an ASCII letter in lower or upper case, or in one of the normal forms of Unicode. */
    const twins: Record<string, string[]> = {
      k: ["K", "\u212A", "\uFF4B"],
      i: ["I", "\u0130", "\u0131"],
      s: ["S", "\u017F"],
      e: ["E", "e\u0301"],
      ".": ["\uFF0E", "\u3002"],
    };
    const written = fc.tuple(
      ...[..."kiss@like.example"].map((letter) => fc.constantFrom(letter, ...(twins[letter] ?? []))),
    );
    fc.assert(
      fc.property(written, (letters) => {
        const text = letters.join("");
        const isAscii = /^[ -~]*$/.test(text);
        expect(isEmail(text)).toBe(isAscii);
        expect(normalEmail(text) === "kiss@like.example").toBe(isAscii);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(fc.string(), (text) => normalEmail(text) === text.toLowerCase()));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(normalEmail(normalEmail(text))).toBe(normalEmail(text));
        expect(isEmail(normalEmail(text))).toBe(isEmail(text));
      }),
    );
  });
});

describe("an address that only looks like a user's", () => {
  test("finds nobody, signs nobody in, and belongs to nobody's tokens", async () => {
    await using t = openTestIdentity();
    const kate = await t.users.create({ email: "kate@example.org", password: "correct horse" });
    await t.tokens.create({ userId: kate.id, name: "x", permission: "read" });
    expect(await t.users.find(kelvin)).toBeUndefined();
    expect(await t.users.findByPassword(kelvin, "correct horse")).toBeUndefined();
    expect(await writersOf(t.database, "KATE@example.org")).toHaveLength(1);
    await expect(writersOf(t.database, kelvin)).rejects.toThrow("There is no user");
    await expect(t.users.create({ email: kelvin })).rejects.toThrow("xn--");
    await expect(t.users.set(kate.id, { email: kelvin })).rejects.toThrow("xn--");
  });

  test("matches no rule", () => {
    const rules = [
      { match: { by: "email", value: "kate@example.org" }, grant: { role: "admin" } },
      { match: { by: "domain", value: "kate.example" }, grant: { role: "admin" } },
    ] as const;
    for (const email of [kelvin, "x@\u212Aate.example"])
      expect(grantsOf(rules, { email, isEmailVerified: true, groups: [] })).toBeUndefined();
  });

  test("has attempts of its own", () => {
    const attempts = new Attempts();
    for (let count = 0; count < 4; count++) attempts.begin(kelvin, null, 0)[Symbol.dispose]();
    expect(() => attempts.begin("kate@example.org", null, 0)).not.toThrow();
  });
});
