/**
 * A token, link or session of larder's, whole or cut off, also where its `_` is encoded for a URL; and a JSON Web Token such as a
 * CI job's. Of the latter there is only its `eyJ` to know it by, which ids and hashes may hold, too: it has to begin a word. An
 * escape of JSON (`\n`, `\u001e`) or of a URL (`%20`) is none of the word, and half an escape stays whole.
 */
const secrets =
  /lr[dls](?:_|%(?:25)*5[Ff])[0-9A-Za-z]{4,}|eyJ(?<=(?:(?<![\w-])|\\[bfnrt]|\\u[0-9a-f]{4}|%(?:25)*[0-9A-Fa-f]{2})eyJ)[\w-]{7,}(?:\.[\w-]*)*/g;

/** The same with asterisks for every secret in it: for what is logged, kept or told of what somebody sent. */
export function withoutSecrets(text: string): string {
  return text.includes("lr") || text.includes("eyJ") ? text.replace(secrets, "****") : text;
}
