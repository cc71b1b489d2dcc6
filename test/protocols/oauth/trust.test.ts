import { expect, test } from "bun:test";
import { githubPullRequest, startIssuer } from "../../identity/test-issuer.ts";
import { startLarder } from "../../larder.ts";
import { TurboClient } from "../turbo/client.ts";

test("jobs of pull requests read what main's have written, and write what no other reads", async () => {
  using issuer = await startIssuer();
  await using larder = await startLarder();
  const github = ["--provider", "github", "--repository", "acme/web", "--issuer", issuer.url];
  await larder.cli("policy", "create", "--team", "default", ...github);
  const clientOf = async (claims = {}) => {
    const answer = await fetch(`${larder.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: await issuer.sign({ claims }),
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      }),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return new TurboClient(larder.url, token);
  };
  const main = await clientOf();
  const twelve = await clientOf(githubPullRequest);
  const thirteen = await clientOf({ ...githubPullRequest, ref: "refs/pull/13/merge" });

  await main.put("aaa", "of main");
  expect(await (await twelve.get("aaa")).text()).toBe("of main");
  expect((await twelve.put("aaa", "poison")).status).toBe(202);
  expect((await twelve.put("bbb", "of 12")).status).toBe(202);
  expect(await (await twelve.get("bbb")).text()).toBe("of 12");
  for (const other of [main, thirteen]) {
    expect(await (await other.get("aaa")).text()).toBe("of main");
    expect((await other.get("bbb")).status).toBe(404);
  }
});
