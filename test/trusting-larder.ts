import { startIssuer, type TestIssuer } from "./identity/test-issuer.ts";
import { type RunningLarder, startLarder } from "./larder.ts";
import { cliOutput } from "./protocols/turbo/client.ts";

export interface TrustingLarder extends RunningLarder {
  readonly issuer: TestIssuer;
  /** What the issuer gives a job of `acme/web` for this larder: one on a push to `main`, if not said. */
  jobToken(claims?: Record<string, unknown>): Promise<string>;
}

/** A larder whose team `default` takes the jobs of `acme/web`, as GitHub's, that an issuer signs for its address. */
export async function startTrustingLarder(): Promise<TrustingLarder> {
  const [issuer, larder] = await Promise.all([startIssuer(), startLarder()]);
  await cliOutput(
    larder,
    ...["policy", "create", "--team", "default", "--provider", "github", "--repository", "acme/web"],
    ...["--issuer", issuer.url, "--audience", larder.url],
  );
  const endLarder = larder[Symbol.asyncDispose];
  return Object.assign(larder, {
    issuer,
    jobToken: (claims: Record<string, unknown> = {}) =>
      issuer.sign({ claims: { aud: larder.url, ...claims } }),
    async [Symbol.asyncDispose]() {
      await endLarder();
      issuer[Symbol.dispose]();
    },
  });
}
