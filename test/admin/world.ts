import { type ReportedEvent, TurboClient } from "../protocols/turbo/client.ts";
import { type Account, administrator, SiteClient, startSetUp } from "../sign-in/site-client.ts";
import { ApiClient, ApiDescription, type Json } from "./api-client.ts";

export interface World extends AsyncDisposable {
  larder: Awaited<ReturnType<typeof startSetUp>>["larder"];
  description: ApiDescription;
  /** The administrator of the server, in a browser. */
  admin: ApiClient;
  /** Somebody new, in a browser. @param teams roles by slug. */
  signIn(name: string, teams: Record<string, "owner" | "member" | "viewer">): Promise<ApiClient>;
  /** Whoever has that token. */
  bearer(secret: string): ApiClient;
  anonymous: ApiClient;
  /** Uploads with a token as turbo does. */
  upload(secret: string, team: string, hash: string, body: string): Promise<void>;
  /** Reports with a token as turbo does. */
  report(secret: string, team: string, event: ReportedEvent): Promise<void>;
  /** The items of a list that the server fills by itself, as soon as there are any. */
  someOf(client: ApiClient, path: string): Promise<Json[]>;
}

const patienceMs = 60_000;

/** A larder that is set up, and those who ask it. */
export async function openWorld(options: Parameters<typeof startSetUp>[0] = {}): Promise<World> {
  const { larder, client } = await startSetUp(options);
  const description = await ApiDescription.of(larder.url);
  const admin = await inBrowser(client, description);
  return {
    larder,
    description,
    admin,
    async signIn(name, teams) {
      const account: Account = { email: `${name}@example.org`, password: administrator.password };
      const roles = Object.entries(teams).map(([team, role]) => ({ team, role }));
      const { link } = await admin.ok("POST", "/users", { email: account.email, teams: roles });
      const site = new SiteClient(larder.url);
      const { password } = account;
      await site.post("/password", { secret: link.split("#")[1], password, repeated: password });
      await site.signIn(account);
      return await inBrowser(site, description);
    },
    bearer: (secret) => new ApiClient(larder.url, description, { authorization: `Bearer ${secret}` }),
    anonymous: new ApiClient(larder.url, description),
    async upload(secret, team, hash, body) {
      const response = await new TurboClient(larder.url, secret, "/v8", `?slug=${team}`).put(hash, body);
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
    },
    async report(secret, team, event) {
      const response = await new TurboClient(larder.url, secret, "/v8", `?slug=${team}`).report([event]);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    },
    async someOf(client, path) {
      for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
        const { items } = await client.get(path);
        if (items.length > 0) return items;
      }
      throw new Error(`There is nothing at ${path}.`);
    },
    [Symbol.asyncDispose]: () => larder[Symbol.asyncDispose](),
  };
}

/** As a script of larder's own pages asks. */
async function inBrowser(site: SiteClient, description: ApiDescription): Promise<ApiClient> {
  const { csrfToken } = (await (await site.get("/api/v1/me")).json()) as { csrfToken: string };
  return new ApiClient(site.url, description, {
    cookie: site.cookie,
    origin: new URL(site.url).origin,
    "x-csrf-token": csrfToken,
  });
}
