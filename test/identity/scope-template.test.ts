import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkScope } from "../../src/identity/scope.ts";
import { fillScope, parseScopeTemplate } from "../../src/identity/scope-template.ts";

function fill(template: string, values: Record<string, string>): string | undefined {
  return fillScope(parseScopeTemplate(template), (name) =>
    Object.hasOwn(values, name) ? values[name] : undefined,
  );
}

describe("a scope template", () => {
  test.each([
    ["pr-{number}", { number: "12" }, "pr-12"],
    ["pr-{number}-x", { number: "12" }, "pr-12-x"],
    ["branches", {}, "branches"],
    ["branch-{b}", { b: "feature-x_y" }, "branch-feature-x_y"],
    ["branch-{b}", { b: "feature/x" }, "branch-feature.2Fx"],
    ["branch-{b}", { b: "é.😀" }, "branch-.C3.A9.2E.F0.9F.98.80"],
    ["{", {}, null],
    ["a-{x}-{y}", { x: "1-2", y: "3" }, "a-1.2D2-3"],
    ["by-{oidc.circleci.com/vcs-ref}", { "oidc.circleci.com/vcs-ref": "a" }, "by-a"],
    ["", { number: "12" }, ""],
  ])("%s with %j is %p", (template, values, scope) => {
    if (scope === null) expect(() => parseScopeTemplate(template)).toThrow();
    else expect(fill(template, values as Record<string, string>)).toBe(scope);
  });

  test("is never filled where a value is missing or empty", () => {
    expect(fill("pr-{number}", {})).toBeUndefined();
    expect(fill("pr-{number}", { number: "" })).toBeUndefined();
    expect(fill("pr-{a}-{b}", { a: "1" })).toBeUndefined();
  });

  test("is never filled to the word for work without a scope", () => {
    expect(fill("t{b}", { b: "rusted" })).toBeUndefined();
    expect(fill("t{b}", { b: "rusted2" })).toBe("trusted2");
    expect(() => checkScope("trusted")).toThrow('No scope is called "trusted"');
  });

  test.each([
    "{number}",
    "-{number}",
    ".x",
    "a b",
    "a/{x}",
    "a{",
    "a}",
    "a{}",
    "é",
    "pr.{x}",
    "trusted",
    "a-{x}{y}",
    "a-{x}b{y}",
    "a".repeat(101),
  ])("%s is refused", (template) => {
    expect(() => parseScopeTemplate(template)).toThrow(expect.objectContaining({ code: "bad_request" }));
  });

  const anyText = fc.oneof(
    fc.string({ minLength: 1, maxLength: 150 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom("a", "-", ".", "_", "2", "D", "/", "h"), minLength: 1, maxLength: 8 }),
    fc
      .array(fc.integer({ min: 0xd800, max: 0xdfff }), { minLength: 1, maxLength: 4 })
      .map((codes) => String.fromCharCode(...codes)),
  );

  test("makes a label of any value, and never the same one of two values", () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const scope = fill("pr-{x}", { x: one }) as string;
        checkScope(scope);
        expect(scope).toStartWith("pr-");
        if (one !== other) expect(fill("pr-{x}", { x: other })).not.toBe(scope);
      }),
      { numRuns: 3_000 },
    );
  });

  test("never makes the same label of two pairs of values, wherever the border between them lies", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        expect(fill("x-{a}-{b}", { a, b })).not.toBe(fill("x-{a}-{b}", { a: c, b: d }) as string);
      }),
      { numRuns: 3_000 },
    );
    expect(fill("x-{a}-{b}", { a: "1-2", b: "3" })).not.toBe(
      fill("x-{a}-{b}", { a: "1", b: "2-3" }) as string,
    );
  });

  test("shortens what is too long, and keeps apart what differs at its end only", () => {
    const long = "a".repeat(300);
    const [one, other] = [
      fill("pr-{x}", { x: `${long}1` }) as string,
      fill("pr-{x}", { x: `${long}2` }) as string,
    ];
    expect(one).toHaveLength(100);
    expect(one).toStartWith("pr-aaaa");
    expect(one).not.toBe(other);
    // Whoever knows the short form cannot have it by another value.
    expect(fill("pr-{x}", { x: one.slice(3) })).not.toBe(one);
  });
});
