import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";

/** What a provider may do that a good one does not. */
export interface Lies {
  /** Put over the claims of the ID token; undefined leaves one out. */
  claims?: Record<string, unknown>;
  /** Signs with a key that is not among those that it publishes. */
  withForeignKey?: boolean;
  /** Does not sign at all (`alg: none`). */
  unsigned?: boolean;
  /** Signs with the client's secret as HS256, or with the public key in its place. */
  withSecret?: string;
  /** Puts over its own settings. */
  metadata?: Record<string, unknown>;
  userInfo?: Record<string, unknown>;
  /** Answers this of each path with that. */
  answers?: Record<string, () => Response | Promise<Response>>;
}

export interface LyingProvider extends AsyncDisposable {
  readonly issuer: string;
  lies: Lies;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** How the client proved itself at the token endpoint. */
  readonly authorizations: (string | null)[];
  /** The codes and bodies of each request for tokens. */
  readonly tokenRequests: URLSearchParams[];
  /** What the browser brings back from the authorization endpoint. */
  approve(authorizationUrl: URL): URL;
}

const clientId = "larder";
const code = "the-code";

/** A provider that signs whatever a test wants of it. Its login has no page: `approve` stands for it. */
export async function startLyingProvider(): Promise<LyingProvider> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const foreign = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
  const asked: string[] = [];
  const authorizations: (string | null)[] = [];
  const tokenRequests: URLSearchParams[] = [];
  let nonce: string | null = null;

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, origin } = new URL(request.url);
      asked.push(pathname);
      const { answers = {}, metadata, userInfo } = provider.lies;
      const answer = answers[pathname];
      if (answer) return answer();
      switch (pathname) {
        case "/.well-known/openid-configuration":
          return Response.json({
            issuer: origin,
            authorization_endpoint: `${origin}/authorize`,
            token_endpoint: `${origin}/token`,
            userinfo_endpoint: `${origin}/userinfo`,
            jwks_uri: `${origin}/keys`,
            response_types_supported: ["code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["RS256"],
            ...metadata,
          });
        case "/keys":
          return Response.json({ keys: [key] });
        case "/token":
          authorizations.push(request.headers.get("authorization"));
          tokenRequests.push(new URLSearchParams(await request.text()));
          return Response.json({
            access_token: "the-access-token",
            token_type: "Bearer",
            id_token: await idToken(origin),
          });
        case "/userinfo":
          return Response.json({ sub: "0001", ...userInfo });
        default:
          return new Response("not found", { status: 404 });
      }
    },
  });

  async function idToken(origin: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const { claims, unsigned, withForeignKey, withSecret } = provider.lies;
    const payload = JSON.parse(
      JSON.stringify({
        iss: origin,
        aud: clientId,
        sub: "0001",
        iat: now,
        exp: now + 60,
        nonce,
        email: "ann@example.org",
        email_verified: true,
        groups: ["web"],
        ...claims,
      }),
    ) as JWTPayload;
    if (unsigned) return new UnsecuredJWT(payload).encode();
    const sign = (alg: string, signingKey: CryptoKey | Uint8Array) =>
      new SignJWT(payload).setProtectedHeader({ alg, kid: "1" }).sign(signingKey);
    if (withSecret !== undefined) return await sign("HS256", new TextEncoder().encode(withSecret));
    return await sign("RS256", withForeignKey ? foreign.privateKey : privateKey);
  }

  const provider: LyingProvider = {
    issuer: server.url.origin,
    lies: {},
    asked,
    authorizations,
    tokenRequests,
    approve(authorizationUrl) {
      nonce = authorizationUrl.searchParams.get("nonce");
      const back = new URL(authorizationUrl.searchParams.get("redirect_uri") as string);
      back.searchParams.set("code", code);
      back.searchParams.set("state", authorizationUrl.searchParams.get("state") as string);
      return back;
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
  return provider;
}
