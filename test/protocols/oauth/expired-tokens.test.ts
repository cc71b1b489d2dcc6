import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startIssuer } from "../../identity/test-issuer.ts";
import { startLarder } from "../../larder.ts";
import { until } from "../../server/until.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

test("the tokens of jobs that are long over go by themselves, and no others", async () => {
  using issuer = await startIssuer();
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  {
    await using first = await startLarder({ dataFolder });
    const claim = ["--issuer", issuer.url, "--claim", "repository=acme/web", "--trusted"];
    await first.cli("policy", "create", "--team", "default", ...claim);
    for (let job = 0; job < 2; job++) {
      const body = new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: await issuer.sign(),
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      });
      expect((await fetch(`${first.url}/oauth/token`, { method: "POST", body })).status).toBe(200);
    }
    await first.stop();
  }
  const day = 86_400_000;
  using database = new Database(join(dataFolder, "larder.db"));
  database.run("PRAGMA busy_timeout = 5000");
  const expire = database.query("UPDATE tokens SET expires_at = ? WHERE rowid = ?");
  const rows = database.query<{ id: number }, []>("SELECT rowid AS id FROM tokens ORDER BY rowid").all();
  expect(rows).toHaveLength(3);
  // The first start's own, and two of jobs, of which one ended not so long ago.
  for (const [index, days] of [31, 31, 29].entries())
    expire.run(Date.now() - days * day, rows[index]?.id as number);
  await using second = await startLarder({ dataFolder });
  const left = () =>
    database.query<{ id: number }, []>("SELECT rowid AS id FROM tokens ORDER BY rowid").all();
  await until(second.url, () => left().length < 3);
  expect(left().map(({ id }) => id)).toEqual([rows[0]?.id as number, rows[2]?.id as number]);
});
