import { createHash } from "node:crypto";
import { normalEmail } from "./email.ts";

/**
 * What stands for an address that a provider does not call verified. Anybody may have written it into a form there, so it must
 * not be taken from the one whose it is, nor pass for it where people read it. Nobody gets mail there (RFC 2606, 2).
 */
export function unverifiedEmail(
  email: string,
  { issuer, subject }: { issuer: string; subject: string },
): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest("hex")
    .slice(0, 16);
  return `${normalEmail(email)}.unverified-${digest}.invalid`;
}
