/**
 * A token, link or session of larder's, and a JSON Web Token such as a CI job's, whole or cut off. Before `eyJ` there may stand
 * half an escape of JSON (`\u001e`), which is to stay whole.
 */
const secrets = /lr[dls]_[0-9A-Za-z]+|eyJ(?<!\\u[0-9a-f]{3}eyJ)[\w-]{7,}(?:\.[\w-]*)*/g;

/** The same with asterisks for every secret in it: for what is logged, kept or told of what somebody sent. */
export function withoutSecrets(text: string): string {
  return text.includes("lr") || text.includes("eyJ") ? text.replace(secrets, "****") : text;
}
