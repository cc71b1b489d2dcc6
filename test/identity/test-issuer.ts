import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";

export interface SignOptions {
  /** Claims that take the place of those that would do; undefined leaves one out. */
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  publicJwk: Record<string, unknown>;
}

/** A CI service that really signs, on a free port of the loopback interface. */
export interface TestIssuer extends Disposable {
  readonly url: string;
  /** The key that `sign` takes. */
  key: SigningKey;
  /** What the key set shows. */
  published: Record<string, unknown>[];
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  /** Answers in place of the issuer, by path, for what goes wrong. */
  readonly instead: Map<string, (request: Request) => Response | Promise<Response>>;
  /** Signs what a job of `acme/web` on a push to `main` would say, for the audience `larder`. */
  sign(options?: SignOptions): Promise<string>;
  /** Lets go of the port, so that nobody answers, and takes it again. */
  stop(): Promise<void>;
  restart(): void;
}

export const discoveryPath = "/.well-known/openid-configuration";
export const keysPath = "/keys";

export async function newKey(kid: string, alg = "RS256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export async function startIssuer(): Promise<TestIssuer> {
  const key = await newKey("first");
  const asked = new Map<string, number>();
  const instead: TestIssuer["instead"] = new Map();

  async function fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
    const answer = instead.get(pathname);
    if (answer) return await answer(request);
    if (pathname === discoveryPath)
      return Response.json({ issuer: issuer.url, jwks_uri: `${issuer.url}${keysPath}` });
    if (pathname === keysPath) return Response.json({ keys: issuer.published });
    return new Response(null, { status: 404 });
  }

  const serve = (port: number) => Bun.serve({ hostname: "127.0.0.1", port, fetch });
  let server = serve(0);
  const port = server.port as number;
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${port}`,
    key,
    published: [key.publicJwk],
    asked,
    instead,
    async sign({ claims = {}, header = {} } = {}) {
      const { kid, alg, privateKey } = issuer.key;
      const now = Math.floor(Date.now() / 1000);
      const good = { ...githubPush, iss: issuer.url, aud: "larder", iat: now, nbf: now, exp: now + 300 };
      return await new SignJWT({ ...good, ...claims })
        .setProtectedHeader({ alg, kid, typ: "JWT", ...header })
        .sign(privateKey);
    },
    async stop() {
      await server.stop(true);
    },
    restart() {
      server = serve(port);
    },
    [Symbol.dispose]() {
      server.stop(true);
    },
  };
  return issuer;
}

/** What GitHub says of a job on a push to `main` of `acme/web`. */
export const githubPush = {
  sub: "repo:acme/web:ref:refs/heads/main",
  repository: "acme/web",
  repository_id: "74",
  repository_owner: "acme",
  repository_owner_id: "65",
  ref: "refs/heads/main",
  ref_type: "branch",
  ref_protected: "true",
  event_name: "push",
  workflow: "CI",
  workflow_ref: "acme/web/.github/workflows/ci.yml@refs/heads/main",
  sha: "d4c3b2a190807060504030201000f0e0d0c0b0a0",
  run_id: "123",
  run_attempt: "1",
  actor: "ann",
};

/** The same of one on pull request 12. */
export const githubPullRequest = {
  ...githubPush,
  sub: "repo:acme/web:pull_request",
  ref: "refs/pull/12/merge",
  event_name: "pull_request",
  head_ref: "main",
  base_ref: "main",
  run_id: "124",
};
