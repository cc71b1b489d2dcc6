import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, createTeam, createToken, expectRefusal, TurboClient } from "../protocols/turbo/client.ts";
import { rowsOf } from "../server/holdings.ts";

setDefaultTimeout(60_000);

const nobody = (larder: RunningLarder, query: string) =>
  new TurboClient(larder.url, "", "/v8", query).authorizedBy(undefined);
const anonymous = (larder: RunningLarder, query: string) =>
  new TurboClient(larder.url, "anonymous", "/v8", query);

/** A server whose team "open" lets anybody read, with an artifact of main's and one of a pull request. */
async function startOpen(...args: string[]) {
  const larder = await startLarder({ args, env: { TURBO_TOKEN: "anonymous,another-secret" } });
  const open = await createTeam(larder, "open");
  await cliOutput(larder, "team", "set", "open", "--anonymous-read", "on");
  const writer = new TurboClient(larder.url, open.token);
  const scoped = new TurboClient(
    larder.url,
    (await createToken(larder, "open", "write", "--scope", "pr-1")).token,
  );
  await writer.put("shared", "of main");
  await scoped.put("scoped", "of a stranger");
  return {
    larder,
    teamId: open.teamId,
    writer,
    scoped,
    [Symbol.asyncDispose]: () => larder[Symbol.asyncDispose](),
  };
}

describe("a team that lets anybody read", () => {
  test("gives whoever names it what is trusted, and nothing else", async () => {
    await using t = await startOpen();
    const names = ["?slug=open", `?teamId=${t.teamId}`, `?teamId=${t.teamId}&slug=open`, `?slug=${t.teamId}`];
    for (const client of names.flatMap((name) => [nobody(t.larder, name), anonymous(t.larder, name)])) {
      expect(await (await client.status()).json()).toEqual({ status: "enabled" });
      expect(await (await client.get("shared")).text()).toBe("of main");
      expect((await client.head("shared")).status).toBe(200);
      expect(await (await client.query(["shared", "scoped"])).json()).toEqual({
        shared: { size: 7, taskDurationMs: 0 },
        scoped: null,
      });
      expect([(await client.get("scoped")).status, (await client.head("scoped")).status]).toEqual([404, 404]);
      // turbo goes on reading after this answer (2.11.11).
      const why = await expectRefusal(await client.put("new", "x"), 403, "forbidden");
      expect(why).toContain('Without a token team "open" lets you read');
      await expectRefusal(await client.put("shared", "evil"), 403, "forbidden");
      await expectRefusal(await client.send("DELETE", ""), 403, "forbidden");
      const event = {
        sessionId: crypto.randomUUID(),
        source: "REMOTE",
        event: "HIT",
        hash: "shared",
        duration: 1,
      };
      expect((await client.report([event])).status).toBe(200);
    }
    expect(await (await t.writer.get("shared")).text()).toBe("of main");
    // The word is no secret, whatever the server's environment says.
    const asDefault = anonymous(t.larder, "?slug=default");
    await expectRefusal(await asDefault.put("new", "x"), 401, "unauthorized");
    expect((await new TurboClient(t.larder.url, "another-secret").put("new", "x")).status).toBe(202);
    await t.larder.stop();
    // What they read counts, and what they tell does not.
    const query = "SELECT session_id, remote_hits, remote_misses FROM runs WHERE origin_kind = 'anonymous'";
    expect(rowsOf(t.larder.dataFolder, query)).toEqual([
      { session_id: null, remote_hits: 8, remote_misses: 8 },
    ]);
  });

  test("takes a token that is no longer good for what it is", async () => {
    await using t = await startOpen();
    const { id, token } = await createToken(t.larder, "open", "read");
    await cliOutput(t.larder, "token", "revoke", id);
    for (const secret of [token, "lrd_0000000000000000000000000000000000000", "Anonymous", "anonymous x"]) {
      const client = new TurboClient(t.larder.url, secret, "/v8", "?slug=open");
      await expectRefusal(await client.get("shared"), 401, "unauthorized");
    }
    await expectRefusal(
      await nobody(t.larder, "?slug=open").authorizedBy("Basic abc").get("shared"),
      401,
      "unauthorized",
    );
  });

  test("looks, while it does not or where it is not named, like one that does not exist", async () => {
    await using t = await startOpen();
    const ask = async (client: TurboClient) => {
      const answers = await Promise.all([
        client.status(),
        client.get("shared"),
        client.head("shared"),
        client.query(["shared"]),
        client.put("new", "x"),
        client.report([]),
        client.send("DELETE", ""),
      ]);
      return await Promise.all(
        answers.map(async (answer) => {
          const headers = Object.fromEntries(answer.headers);
          delete headers["x-request-id"];
          delete headers.date;
          return { status: answer.status, headers, body: await answer.text() };
        }),
      );
    };
    const closed = await createTeam(t.larder, "closed");
    for (const by of [nobody, anonymous]) {
      const [nowhere, ...others] = await Promise.all(
        [
          "?slug=nowhere",
          "?slug=closed",
          `?teamId=${closed.teamId}`,
          "",
          "?slug=",
          `?slug=open&teamId=${closed.teamId}`,
        ].map((query) => ask(by(t.larder, query))),
      );
      for (const answer of nowhere as { status: number }[]) expect(answer.status).toBe(401);
      for (const answers of others) expect(answers).toEqual(nowhere as never);
    }
    // What a team allows counts from the next request on, both ways.
    const client = nobody(t.larder, "?slug=open");
    expect((await client.get("shared")).status).toBe(200);
    await cliOutput(t.larder, "team", "set", "open", "--anonymous-read", "off");
    expect((await client.get("shared")).status).toBe(401);
    await cliOutput(t.larder, "team", "set", "open", "--anonymous-read", "on", "--state", "paused");
    await expectRefusal(await client.get("shared"), 403, "remote_caching_paused");
  });

  test("counts the requests of an address, and does not let them use up those of a token", async () => {
    await using t = await startOpen("--max-requests-per-minute", "5", "--proxy-hops", "1");
    const get = (address: string) =>
      nobody(t.larder, "?slug=open").get("shared", { "x-forwarded-for": address });
    for (let count = 0; count < 5; count++) expect((await get("192.0.2.1")).status).toBe(200);
    await expectRefusal(await get("192.0.2.1"), 429, "too_many_requests");
    // What the client itself writes before the proxy does is no address.
    await expectRefusal(await get("192.0.2.9, 192.0.2.1"), 429, "too_many_requests");
    expect((await get("192.0.2.2")).status).toBe(200);
    for (let count = 0; count < 5; count++) expect((await get(`2001:db8::${count}`)).status).toBe(200);
    await expectRefusal(await get("2001:db8::9"), 429, "too_many_requests");
    expect((await t.writer.get("shared")).status).toBe(200);
  });
});

describe("a team that wants signatures", () => {
  test("refuses uploads without one, in every scope, and keeps what was there", async () => {
    await using t = await startOpen();
    await cliOutput(t.larder, "team", "set", "open", "--require-tag", "on");
    for (const client of [t.writer, t.scoped]) {
      for (const headers of [{}, { "x-artifact-tag": "" }]) {
        const why = await expectRefusal(
          await client.put("shared", "unsigned", headers),
          403,
          "signature_required",
        );
        expect(why).toContain('"signature": true');
      }
      expect(await (await client.get("shared")).text()).toBe("of main");
    }
    expect((await t.writer.put("shared", "signed", { "x-artifact-tag": "tag" })).status).toBe(202);
    expect(await (await t.scoped.get("shared")).text()).toBe("signed");
    await cliOutput(t.larder, "team", "set", "open", "--require-tag", "off");
    expect((await t.writer.put("other", "unsigned")).status).toBe(202);
  });
});
