import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  beginnings,
  type ClaimPattern,
  captureNames,
  checkPatternCost,
  matchClaim,
  parsePattern,
} from "../../src/identity/claim-patterns.ts";

/** What is captured, or undefined where the pattern does not match. */
function match(pattern: string, value: unknown): Record<string, string> | undefined {
  const captures = matchClaim(parsePattern(pattern), value);
  return captures && Object.fromEntries(captures);
}

describe("a pattern", () => {
  test.each([
    ["main", "main"],
    ["*", ""],
    ["*", "main"],
    ["refs/heads/*", "refs/heads/main"],
    ["refs/heads/**", "refs/heads/a/b"],
    ["**", "a/b:c"],
    ["**", ""],
    ["push|schedule", "schedule"],
    ["acme/*-web", "acme/old-web-web"],
    ["repo:*:ref:**", "repo:x:ref:refs/heads/main"],
    ["a\\*b\\|c\\{d\\}\\\\", "a*b|c{d}\\"],
    ["*é😀*", "aé😀b"],
  ])("%s takes %s", (pattern, value) => {
    expect(match(pattern, value)).toEqual({});
  });

  test.each([
    ["main", "Main"],
    ["main", "main "],
    ["main", "xmain"],
    ["main", "maintain"],
    ["main", "main\n"],
    ["*", "a/b"],
    ["*", "a:b"],
    ["acme/*", "acme/web/evil"],
    ["push|schedule", "push|schedule"],
    ["push|schedule", "pull_request"],
    ["a.c", "abc"],
    ["a+", "aa"],
    ["{name}", ""],
    ["x{name}", "x"],
  ])("%s does not take %s", (pattern, value) => {
    expect(match(pattern, value)).toBeUndefined();
  });

  test.each([
    ["refs/pull/{number}/merge", "refs/pull/12/merge", { number: "12" }],
    ["refs/heads/{branch**}", "refs/heads/a/b", { branch: "a/b" }],
    ["{a}-{b}", "1-2-3", { a: "1", b: "2-3" }],
    ["{a}{b}", "xyz", { a: "x", b: "yz" }],
    ["x{n}|y{n}", "y7", { n: "7" }],
    ["x{n}|y*", "y7", {}],
  ])("%s finds in %s what stands in braces", (pattern, value, captures) => {
    expect(match(pattern, value)).toEqual(captures);
  });

  test("of a claim with a list takes any element, and what it captures is that element's", () => {
    expect(match("b{n}", ["a1", "b2", "b3"])).toEqual({ n: "2" });
    expect(match("c*", ["a1", "b2"])).toBeUndefined();
    expect(match("*", [])).toBeUndefined();
  });

  test("takes numbers and truth values as text, and nothing else that is no text", () => {
    expect(match("12", 12)).toEqual({});
    expect(match("true|false", false)).toEqual({});
    for (const value of [undefined, null, {}, { a: "b" }, [[]], [["a"]], [null]])
      expect(match("**", value)).toBeUndefined();
  });

  test("takes nothing from a list that is too long", () => {
    const elements = (count: number, length: number) => [
      ...Array.from({ length: count - 1 }, () => "a".repeat(length)),
      "b",
    ];
    expect(match("b", elements(50, 1))).toEqual({});
    expect(match("b", elements(51, 1))).toBeUndefined();
    expect(match("b", elements(11, 199))).toEqual({});
    expect(match("b", elements(11, 200))).toBeUndefined();
  });

  test("looks at no more than its length times 2,000 characters, whatever list is made up", () => {
    let steps = 0;
    const counting: ClaimPattern = parsePattern(`${"*a".repeat(249)}*b`).map((parts) =>
      parts.map(
        (part) =>
          new Proxy(part, {
            get(target, name) {
              if (name === "isDeep" || name === "text") steps++;
              return Reflect.get(target, name);
            },
          }),
      ),
    );
    const list = Array.from({ length: 40 }, (_, index) => "a".repeat(1_995) + String(index).padStart(4, "0"));
    for (const value of [list, list[0], Array.from({ length: 50 }, () => "a".repeat(40))]) {
      steps = 0;
      matchClaim(counting, value);
      // Two reads for each pair of a text and a position, and one more for what follows.
      expect(steps).toBeLessThan(500 * 2_000 * 3);
    }
  });

  test("with more than 20 parts that vary is refused for a policy", () => {
    expect(() => checkPatternCost(parsePattern("a*".repeat(20)))).not.toThrow();
    expect(() =>
      checkPatternCost(parsePattern(`${"a*".repeat(10)}|${"{x}a*".repeat(1)}${"a*".repeat(9)}`)),
    ).toThrow("this one has 21");
  });

  test.each([
    ["nothing", ""],
    ["an empty alternative", "a|"],
    ["an empty alternative before", "|a"],
    ["two bars", "a||b"],
    ["a brace that does not end", "a{b"],
    ["a brace that did not begin", "a}b"],
    ["braces around nothing", "{}"],
    ["braces around a number", "{1}"],
    ["braces around something else", "{a-b}"],
    ["three stars in braces", "{a***}"],
    ["a name twice", "{a}/{a}"],
    ["a backslash at its end", "a\\"],
    ["501 characters", "a".repeat(501)],
  ])("is refused with %s", (_, pattern) => {
    expect(() => parsePattern(pattern)).toThrow(expect.objectContaining({ code: "bad_request" }));
  });

  test("tells the names in it, and how what it stands for begins", () => {
    expect(captureNames(parsePattern("a{b}/{c**}|d{e}"))).toEqual(["b", "c", "e"]);
    expect(beginnings(parsePattern("acme/*|a\\*b|*|{a}c"))).toEqual([
      { text: "acme/", isWhole: false },
      { text: "a*b", isWhole: true },
      { text: "", isWhole: false },
      { text: "", isWhole: false },
    ]);
  });

  /** Few letters, so that parts of values repeat and a pattern has several ways to match. */
  const letter = fc.constantFrom("a", "b", "/", ":");
  const value = fc.string({ unit: letter, maxLength: 12 });
  const part = fc.oneof(fc.string({ unit: letter, minLength: 1, maxLength: 3 }), fc.constantFrom("*", "**"));
  const alternative = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
  const pattern = fc.array(alternative, { minLength: 1, maxLength: 3 }).map((all) => all.join("|"));

  test("matches what the regular expression of the same meaning does", () => {
    const expression = (text: string) => {
      const runs = text.replaceAll(/\*\*?/g, (run) => (run === "**" ? ".*" : "[^/:]*"));
      return new RegExp(`^(?:${runs})$`, "s");
    };
    fc.assert(
      fc.property(pattern, value, (text, candidate) => {
        expect(match(text, candidate) !== undefined).toBe(expression(text).test(candidate));
      }),
      { numRuns: 2_000 },
    );
  });

  test("captures what, put in place of the braces, gives the value again", () => {
    const shape = fc.array(
      fc.oneof(fc.string({ unit: letter, minLength: 1, maxLength: 2 }), fc.constantFrom("{}", "{**}")),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(shape, value, (parts, candidate) => {
        const named = parts.map((one, index) => one.replace("{", `{n${index}`)).join("");
        const captures = match(named, candidate);
        fc.pre(captures !== undefined);
        for (const [name, captured] of Object.entries(captures as object)) {
          expect(captured).not.toBe("");
          if (named.includes(`{${name}}`)) expect(captured).not.toMatch(/[/:]/);
        }
        const again = named.replaceAll(
          /\{(\w+)(?:\*\*)?\}/g,
          (_, name) => (captures as Record<string, string>)[name] ?? "?",
        );
        expect(again).toBe(candidate);
      }),
      { numRuns: 2_000 },
    );
  });

  test("takes no longer for a value that was made to be slow", () => {
    const before = performance.now();
    expect(match(`${"*a".repeat(200)}b`, "a".repeat(2_000))).toBeUndefined();
    expect(match(`${"{x**}".replace("x", "x1")}${"**a".repeat(150)}b`, "a".repeat(2_000))).toBeUndefined();
    // A regular expression of the same meaning takes longer than the universe is old.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(match("**", "a".repeat(2_001))).toBeUndefined();
  });
});
