import { timingSafeEqual } from "node:crypto";
import type { Database } from "../database/database.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import { digestSecret } from "../identity/secret.ts";
import { isServerAdministrator } from "../identity/server-administrator.ts";
import { Refusal } from "../refusal.ts";

export interface GuardOptions {
  database: Database;
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
    const secret = /^bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (secret === undefined) throw new Refusal("unauthorized", `/metrics wants a token. ${remedy}`);
    if (this.isOwnSecret(secret)) return;
    const { authenticator, database } = this.options;
    const credential = await authenticator.authenticate(secret);
    if (!credential)
      throw new Refusal("unauthorized", `This token is unknown, expired or revoked. ${remedy}`);
    if (await isServerAdministrator(database, credential)) return;
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
