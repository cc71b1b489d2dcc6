import { expect, test } from "bun:test";
import fc from "fast-check";
import { randomText } from "../../src/identity/random.ts";
import { digestSecret, isSecret, newSecret } from "../../src/identity/secret.ts";

test("a new secret has the prefix, is one of ours, and is never the same twice", () => {
  const secrets = Array.from({ length: 1000 }, newSecret);
  for (const secret of secrets) {
    expect(secret).toMatch(/^lrd_[0-9A-Za-z]{38}$/);
    expect(isSecret(secret)).toBeTrue();
  }
  expect(new Set(secrets).size).toBe(secrets.length);
});

test("a secret with one character changed, missing or added is none of ours", () => {
  const secret = newSecret();
  fc.assert(
    fc.property(fc.nat(secret.length - 1), fc.constantFrom(..."0Aa_-é "), (at, character) => {
      fc.pre(secret[at] !== character);
      expect(isSecret(secret.slice(0, at) + character + secret.slice(at + 1))).toBeFalse();
      expect(isSecret(secret.slice(0, at) + secret.slice(at + 1))).toBeFalse();
      expect(isSecret(secret.slice(0, at) + character + secret.slice(at))).toBeFalse();
    }),
  );
});

test("rubbish is none of ours", () => {
  fc.assert(fc.property(fc.string(), (text) => void expect(isSecret(text)).toBeFalse()));
});

test("the digest is SHA-256 in hex", () => {
  expect(digestSecret("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("random text uses every letter and digit about equally often", () => {
  const counts = new Map<string, number>();
  for (const character of randomText(62_000)) counts.set(character, (counts.get(character) ?? 0) + 1);
  expect(counts.size).toBe(62);
  // Seven standard deviations: it fails once in billions of runs, and a biased generator fails always.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(225);
});
