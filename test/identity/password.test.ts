import { describe, expect, test } from "bun:test";
import { checkPassword, hashPassword, isPassword } from "../../src/identity/password.ts";

describe("a password", () => {
  test.each(["12345679x", "pässwörd", "🔑🔑🔑🔑🔑🔑🔑🔑", " ".repeat(8), "x".repeat(256)])(
    "may be %j",
    (password) => {
      expect(() => checkPassword(password, "ann.archer@example.org")).not.toThrow();
    },
  );

  test.each(["", "1234567", "🔑🔑🔑🔑", "x".repeat(257)])("may not be %j", (password) => {
    expect(() => checkPassword(password, "ann.archer@example.org")).toThrow("8 to 256 characters");
  });

  test.each(["password", "12345678", "PassWord", "qwertyuiop", "password1"])(
    "may not be %j, which everybody tries first",
    (password) => {
      expect(() => checkPassword(password, "ann.archer@example.org")).toThrow("everybody tries first");
    },
  );

  test.each(["ann.archer@example.org", "Ann.Archer@Example.org", "ann.archer", "ANN.ARCHER"])(
    "may not be %j, which is its user's address or the beginning of it",
    (password) => {
      expect(() => checkPassword(password, "Ann.Archer@example.org")).toThrow("This is your e-mail address");
    },
  );

  test.each(["ann.archer@example.com", "ann.archer1", "archer@example.org", "@example.org"])(
    "may be %j, which is another's",
    (password) => {
      expect(() => checkPassword(password, "ann.archer@example.org")).not.toThrow();
    },
  );

  test("is hashed with Argon2id, differently each time, and found right again", async () => {
    const [one, two] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
    expect(one).toStartWith("$argon2id$");
    expect(one).not.toBe(two);
    for (const hash of [one, two]) {
      expect(await isPassword("correct horse", hash)).toBe(true);
      for (const wrong of ["correct hors", "correct horse ", "Correct horse", ""])
        expect(await isPassword(wrong, hash)).toBe(false);
    }
  });

  test("counts to its last byte, also beyond those that some hashes cut off", async () => {
    const hash = await hashPassword("x".repeat(255));
    expect(await isPassword(`${"x".repeat(254)}y`, hash)).toBe(false);
  });

  test("of nobody is never right, and takes as much work to find out", async () => {
    const hash = await hashPassword("correct horse");
    await isPassword("warm up", null);
    /** Of the processor, which others who are busy beside us take nothing from. */
    const worked = async (stored: string | null) => {
      const times = [];
      for (let round = 0; round < 5; round++) {
        const before = process.cpuUsage();
        expect(await isPassword("wrong password", stored)).toBe(false);
        const { user, system } = process.cpuUsage(before);
        times.push(user + system);
      }
      return Math.min(...times);
    };
    const [known, unknown] = [await worked(hash), await worked(null)];
    // Without hashing it would be some microseconds.
    expect(unknown).toBeGreaterThan(known / 3);
  });

  test("waits its turn, and a crowd is sent away", async () => {
    const hash = await hashPassword("correct horse");
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => isPassword("wrong", hash)));
    const refused = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused).toHaveLength(60 - 52);
    expect(refused[0]?.reason).toMatchObject({ code: "too_many_requests", retryAfterSeconds: 5 });
    // And all is well again afterwards.
    expect(await isPassword("correct horse", hash)).toBe(true);
  });
});
