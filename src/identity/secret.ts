import { base62, randomText } from "./random.ts";

/*
 * A secret is `lrd_`, 32 random letters and digits (190 bits), and a checksum of 6. The prefix lets scanners find leaked
 * ones; the checksum tells a mistyped or truncated one from an unknown one without a look-up.
 */
const prefix = "lrd_";
const randomLength = 32;
const checksumLength = 6;

export function newSecret(): string {
  const body = prefix + randomText(randomLength);
  return body + checksum(body);
}

/** Whether the text could be one of our secrets. Says nothing about whether it is valid. */
export function isSecret(text: string): boolean {
  if (text.length !== prefix.length + randomLength + checksumLength || !text.startsWith(prefix)) return false;
  const body = text.slice(0, -checksumLength);
  return text.slice(-checksumLength) === checksum(body);
}

/** What is stored and looked up in place of a secret: its SHA-256 in hex. */
export function digestSecret(secret: string): string {
  return Bun.SHA256.hash(secret, "hex");
}

function checksum(body: string): string {
  return base62(Bun.hash.crc32(body), checksumLength);
}
