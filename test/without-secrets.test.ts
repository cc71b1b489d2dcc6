import { expect, test } from "bun:test";
import fc from "fast-check";
import { newSecret } from "../src/identity/secret.ts";
import { withoutSecrets } from "../src/without-secrets.ts";

const jwt = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from('{"sub":"x"}').toString("base64url")}.c2ln-_`;

test.each([newSecret(), "lrs_0Ab", "lrl_0Ab", jwt, `${jwt}.x.y`, jwt.slice(0, 40), jwt.slice(0, 15)])(
  "%p does not stay, wherever it stands",
  (secret) => {
    expect(withoutSecrets(secret)).toBe("****");
    expect(withoutSecrets(`"${secret}" and token=${secret}, ${secret}`)).toBe('"****" and token=****, ****');
    expect(withoutSecrets(JSON.stringify(`\n${secret}\n`))).toBe(JSON.stringify("\n****\n"));
  },
);

test.each([
  "",
  "lrd_",
  "It begins with lrl_ and stands after the # of the link.",
  "already, larder, eyJ",
  "tok_4fQz7Lk2mXw9RtAb",
])("%p stays as it is", (text) => {
  expect(withoutSecrets(text)).toBe(text);
});

test("of a secret that is cut off anywhere no more than its prefix is left, and JSON stays JSON", () => {
  const secret = fc.constantFrom(newSecret(), jwt);
  const text = fc.string({ unit: fc.constantFrom("\x1e", "\n", '"', "\\", "y", "J", "é", "a", " ") });
  fc.assert(
    fc.property(text, secret, fc.nat(jwt.length), text, (before, secret, length, after) => {
      const line = JSON.stringify(`${before}${secret.slice(0, length)} ${after}`);
      const masked = withoutSecrets(line);
      expect(masked).not.toContain(secret.slice(0, 10));
      expect(() => JSON.parse(masked)).not.toThrow();
    }),
    { examples: [["\x1eyJaaaaaaa", jwt, 60, ""]] },
  );
});
