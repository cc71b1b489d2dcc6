/* What people and builds do to a running server before pictures of it are taken. */
import type { RunningLarder } from "../test/larder.ts";
import { TurboClient } from "../test/protocols/turbo/client.ts";
import { SiteClient } from "../test/sign-in/site-client.ts";
import { type Builder, hashOf, randomFrom } from "./screenshot-history.ts";

/** Some builds as turbo does them, the first of which find nothing. */
export async function build(url: string, builders: readonly Builder[]): Promise<void> {
  const random = randomFrom(3);
  for (const [index, builder] of [...builders, ...builders].entries()) {
    const isFirst = index < builders.length;
    const { secret, teamSlug, clientCi } = builder;
    const client = new TurboClient(url, secret, "/v8", `?slug=${teamSlug}`);
    const sessionId = crypto.randomUUID();
    const ci = clientCi === null ? undefined : { "x-artifact-client-ci": clientCi };
    const events = [];
    for (let task = 0; task < 24; task++) {
      // Those who share a team share what trusted ones have built, and each time something is new.
      const hash = hashOf(`${teamSlug} ${task} ${task % 9 === 0 ? index : ""}`);
      const { status } = await client.get(hash);
      const duration = Math.floor(400 + random() ** 2 * 70_000);
      events.push({ sessionId, source: "REMOTE", event: status === 200 ? "HIT" : "MISS", hash, duration });
      if (status === 200) continue;
      const size = Math.floor(1_000 + random() ** 2 * 900_000);
      const signature =
        isFirst && builder.asker.scope === "" ? { "x-artifact-tag": btoa(hash.repeat(2)) } : {};
      const body = new Uint8Array(size).map(() => random() * 256);
      const headers = { "x-artifact-duration": String(duration), ...signature, ...ci };
      const answer = await client.put(hash, body, headers);
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    }
    await client.report(events, ci);
  }
}

/** An administrator who has made accounts and tokens, and revoked one. @returns her session. */
export async function administer(larder: RunningLarder): Promise<SiteClient> {
  const client = new SiteClient(larder.url);
  await client.setUp(larder);
  const { csrfToken } = (await (await client.get("/api/v1/me")).json()) as { csrfToken: string };
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${larder.url}/api/v1${path}`, {
      method,
      headers: {
        cookie: client.cookie,
        origin: new URL(larder.url).origin,
        "x-csrf-token": csrfToken,
        "content-type": "application/json",
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  const inTeams = (...teams: [string, string][]) => teams.map(([team, role]) => ({ team, role }));
  await ask("POST", "/users", {
    ...{ email: "bob@example.org", name: "Bob Baker" },
    teams: inTeams(["web", "owner"], ["mobile", "member"]),
  });
  await ask("POST", "/users", {
    ...{ email: "carla@example.org", name: "Carla Cook" },
    teams: inTeams(["mobile", "viewer"]),
  });
  const dan = await ask("POST", "/users", {
    ...{ email: "dan@example.org", name: "Dan Dow" },
    teams: inTeams(["web", "member"]),
  });
  await ask("PATCH", `/users/${dan.id}`, { state: "disabled" });
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  await ask("POST", "/tokens", {
    ...{ team: "web", name: "staging server", permission: "read", expiresAt: inDays(90) },
  });
  const old = await ask("POST", "/tokens", { team: "web", name: "old laptop", permission: "write" });
  await ask("DELETE", `/tokens/${old.id}`);
  await ask("POST", "/tokens", { team: null, name: "scripts of Ann", permission: "admin" });
  await ask("PATCH", "/teams/mobile", { requireTag: true, maxAgeMs: 30 * 86_400_000 });
  return client;
}
