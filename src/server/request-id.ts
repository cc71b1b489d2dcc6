import { withoutSecrets } from "../without-secrets.ts";

/** Short enough for a log line, and nothing in it that could break one. */
const pattern = /^[A-Za-z0-9._:+/=-]{1,128}$/;

/** The id that a proxy in front gave the request, or a new one, also in place of one that holds a secret. */
export function requestId(given: string | null): string {
  return given !== null && pattern.test(given) && given === withoutSecrets(given)
    ? given
    : Bun.randomUUIDv7();
}
