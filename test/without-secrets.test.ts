import { expect, test } from "bun:test";
import fc from "fast-check";
import { newSecret } from "../src/identity/secret.ts";
import { withoutSecrets } from "../src/without-secrets.ts";

const jwt = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from('{"sub":"x"}').toString("base64url")}.c2ln-_`;

test.each([newSecret(), "lrs_0Ab1", "lrl_0Ab1", jwt, `${jwt}.x.y`, jwt.slice(0, 40), jwt.slice(0, 15)])(
  "%p does not stay, wherever it stands",
  (secret) => {
    expect(withoutSecrets(secret)).toBe("****");
    expect(withoutSecrets(`"${secret}" and token=${secret}, ${secret}`)).toBe('"****" and token=****, ****');
    expect(withoutSecrets(JSON.stringify(`\n${secret}\n`))).toBe(JSON.stringify("\n****\n"));
    expect(withoutSecrets(JSON.stringify(`\x1e${secret}\x1e`))).toBe(JSON.stringify("\x1e****\x1e"));
    expect(withoutSecrets(`/x%3D${secret}%20`)).toBe("/x%3D****%20");
    expect(withoutSecrets(`/x%253d${secret}%2520`)).toBe("/x%253d****%2520");
  },
);

test.each([
  "",
  "lrd_",
  "It begins with lrl_ and stands after the # of the link.",
  "already, larder, eyJ",
  "tok_4fQz7Lk2mXw9RtAb",
  "tok_abceyJ1234567xyz",
  "tok_eyJ1234567890abc",
  "team_eyJhbGciOiJSUzI1NiJ9.eyJzd",
  "0123eyJ4567890123",
  "a-eyJ4567890123",
  "lrd_abc",
])("%p stays as it is", (text) => {
  expect(withoutSecrets(text)).toBe(text);
});

test("a secret of larder's does not stay in a word, nor with an encoded underscore", () => {
  const secret = newSecret();
  expect(withoutSecrets(`x${secret} x_${secret} %${secret}`)).toBe("x**** x_**** %****");
  for (const encoded of ["%5f", "%5F", "%255f"])
    expect(withoutSecrets(`/v8/${secret.replace("_", encoded)}/x`)).toBe("/v8/****/x");
});

test("text that is nearly all beginnings of secrets costs no more than other text", () => {
  const size = 400_000;
  const beginnings = ["eyJ", "lrd_", "lrd%5f", "\\n", "eyJ.", "%25", "%25eyJ", "\\u0000eyJ"];
  for (const beginning of beginnings)
    expect(withoutSecrets(`eyJ ${beginning.repeat(size / beginning.length)} lrd`)).toBeString();
});

test("of a secret that begins a word and is cut off anywhere no more than its prefix is left, and JSON stays JSON", () => {
  const secret = fc.constantFrom(newSecret(), jwt);
  const after = fc.string({ unit: fc.constantFrom("\x1e", "\n", '"', "\\", "y", "J", "é", "a", " ") });
  const before = after.filter((text) => !/[\w-]$/.test(text));
  fc.assert(
    fc.property(before, secret, fc.nat(jwt.length), after, (before, secret, length, after) => {
      const line = JSON.stringify(`${before}${secret.slice(0, length)} ${after}`);
      const masked = withoutSecrets(line);
      expect(masked).not.toContain(secret.slice(0, 10));
      expect(() => JSON.parse(masked)).not.toThrow();
    }),
    { examples: [["\x1eyJaaaaaaa ", jwt, 60, ""]] },
  );
});
