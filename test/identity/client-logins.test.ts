import { expect, test } from "bun:test";
import { ClientLogins } from "../../src/identity/client-logins.ts";
import { openTestIdentity } from "./test-identity.ts";

const address = "192.0.2.1";

test("a link is used up only if the token is made, and one of several at once gets it", async () => {
  await using t = openTestIdentity();
  const web = await t.teams.create({ slug: "web" });
  const ann = await t.users.create({ email: "ann@example.org" });
  const link = await new ClientLogins(t.database, 60_000).createLink(ann, web.id);
  // Nothing can be made that would have expired already.
  const unable = new ClientLogins(t.database, -1);
  expect(await unable.redeemLink(link, "laptop", address).catch(({ code }) => code)).toBe("bad_request");
  expect(await t.tokens.list({ userId: ann.id })).toEqual([]);

  const redeemed = await Promise.all(
    [t.database, t.database].map((database) =>
      new ClientLogins(database, 60_000).redeemLink(link, "laptop", address),
    ),
  );
  expect(redeemed.filter(Boolean)).toEqual([{ secret: expect.any(String), teamId: web.id }]);
  expect(await t.tokens.list({ userId: ann.id })).toMatchObject([{ name: "laptop" }]);
});
