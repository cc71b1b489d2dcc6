import { timingSafeEqual } from "node:crypto";
import { bearerSecret } from "../http/bearer-secret.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import { digestSecret } from "../identity/secret.ts";
import { Refusal } from "../refusal.ts";

export interface GuardOptions {
  authenticator: Authenticator;
  /** The setting metricsToken. */
  metricsToken: string | undefined;
}

/** Lets through who may see the metrics: whoever has the setting's secret, or a token of a server administrator. */
export class Guard {
  private readonly digest: string | undefined;

  constructor(private readonly options: GuardOptions) {
    this.digest = options.metricsToken && digestSecret(options.metricsToken);
  }

  /** @throws Refusal `unauthorized`, `forbidden`. */
  async admit(request: Request): Promise<void> {
    const secret = bearerSecret(request);
    if (secret === undefined) throw new Refusal("unauthorized", `/metrics wants a token. ${remedy}`);
    if (this.isOwnSecret(secret)) return;
    const credential = await this.options.authenticator.authenticate(secret);
    if (!credential)
      throw new Refusal("unauthorized", `This token is unknown, expired or revoked. ${remedy}`);
    if (credential.isServerAdmin) return;
    throw new Refusal("forbidden", `This token may not see how the whole server does. ${remedy}`);
  }

  /** Of the digests, whose likeness tells nothing of that of the secrets. */
  private isOwnSecret(secret: string): boolean {
    if (this.digest === undefined) return false;
    return timingSafeEqual(Buffer.from(digestSecret(secret)), Buffer.from(this.digest));
  }
}

const remedy =
  'Send "Authorization: Bearer <secret>" with the secret of the setting metricsToken, or with a server administrator\'s own ' +
  "token that may admin; or set metricsPort, where none is wanted.";
