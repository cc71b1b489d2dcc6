import { expect, test } from "bun:test";
import { audit } from "../../src/database/schema.ts";
import { writersOf } from "../../src/identity/writers.ts";
import { openTestIdentity } from "./test-identity.ts";

async function openWithTokensOfThePast(count: number) {
  const t = openTestIdentity();
  const facts = { kind: "token.create", actorKind: "anonymous", actorName: "anybody" };
  const rowOf = (index: number) => ({
    ...facts,
    createdAt: index,
    target: `tok_${index}`,
    details: { name: "user", user: `u${index % 3}@example.org`, policyId: index === 7 ? "pol_%" : "pol_a" },
  });
  await t.database.write(async (tx) => {
    for (let start = 0; start < count; start += 1_000)
      await tx.insert(audit).values(Array.from({ length: 1_000 }, (_, index) => rowOf(start + index)));
  });
  return t;
}

test("tokens that are gone are found by their user, their policy or themselves, as far as the log knows them", async () => {
  await using t = await openWithTokensOfThePast(3_000);
  const ofUser = (await writersOf(t.database, "U1@example.org")) as string[];
  expect(ofUser).toHaveLength(1_000);
  expect(ofUser).toContain("tok_1");
  expect(await writersOf(t.database, "pol_%")).toEqual(["tok_7"]);
  expect(await writersOf(t.database, "tok_2999")).toEqual(["tok_2999"]);
  for (const nobody of ["u_@example.org", "user@example.org", "pol_", "tok_3000", "tok_%"])
    await expect(writersOf(t.database, nobody)).rejects.toMatchObject({ code: "not_found" });
});

test.each(["tok_nothing", "pol_nothing", "nobody@example.org"])(
  "while %s is searched for in a long log, others have their turn",
  async (writer) => {
    await using t = await openWithTokensOfThePast(25_000);
    let others = 0;
    let isOver = false;
    const other = () => {
      others++;
      if (!isOver) setImmediate(other);
    };
    const search = writersOf(t.database, writer).finally(() => {
      isOver = true;
    });
    setImmediate(other);
    await expect(search).rejects.toMatchObject({ code: "not_found" });
    expect(others).toBeGreaterThan(1);
  },
);
