import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";

export interface Account {
  email: string;
  email_verified: boolean;
  name: string;
  groups: string[];
}

/** A certified provider, whose page asks for the name of an account and for nothing else. */
export interface RealProvider extends AsyncDisposable {
  /** On another host than larder's 127.0.0.1, as providers are: to browsers it is another site. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By subject, which is what the page asks for. */
  readonly accounts: Map<string, Account>;
  /** Answers 503 to everything while it is not ready. Not ready until it knows where its client lives. */
  isReady: boolean;
  /** @param redirectUri the one that its client has said it uses. */
  register(redirectUri: string): void;
}

const clientId = "larder";
const clientSecret = "only/the+provider and:larder=know~this";

export async function startRealProvider(): Promise<RealProvider> {
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  const server = createServer((request, response) => {
    if (handle && provider.isReady) handle(request, response);
    else response.writeHead(503).end("starting");
  });
  await new Promise<void>((listening) => server.listen(0, "localhost", listening));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  const provider: RealProvider = {
    issuer,
    clientId,
    clientSecret,
    accounts: new Map(),
    isReady: false,
    register(redirectUri) {
      handle = createProvider(issuer, redirectUri, provider.accounts).callback();
      provider.isReady = true;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return provider;
}

function createProvider(issuer: string, redirectUri: string, accounts: Map<string, Account>): Provider {
  const scopes = "openid email profile groups";
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    scopes: scopes.split(" "),
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_: unknown, subject: string) => {
      const account = accounts.get(subject);
      return account && { accountId: subject, claims: () => ({ sub: subject, ...account }) };
    },
    // Whoever has signed in has consented.
    loadExistingGrant: async ({
      oidc,
    }: {
      oidc: { provider: Provider; client: { clientId: string }; session: { accountId: string } };
    }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope(scopes);
      await grant.save();
      return grant;
    },
    cookies: { keys: ["not a secret"] },
  });
  provider.use(async (context, next) => {
    if (!context.path.startsWith("/interaction/")) return await next();
    if (context.method !== "POST") {
      context.type = "html";
      context.body =
        '<!doctype html><html lang="en"><title>Provider</title><form method="post">' +
        '<input name="subject" aria-label="Subject"><button>Sign in</button>' +
        '<button name="refuse" value="1">Refuse</button></form></html>';
      return;
    }
    const form = new URLSearchParams(await new Response(context.req as unknown as ReadableStream).text());
    const result = form.has("refuse")
      ? { error: "access_denied", error_description: "<b>Not today</b>" }
      : { login: { accountId: form.get("subject") } };
    context.respond = false;
    await provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: false });
  });
  return provider;
}
