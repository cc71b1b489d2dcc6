import { readBodyText } from "../../http/body-text.ts";
import { Refusal } from "../../refusal.ts";

/** A CI job's token takes 2 KB. */
const maxBodyBytes = 64 * 1024;

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
const subjectTypes = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];
export const issuedType = "urn:ietf:params:oauth:token-type:access_token";

/** A refusal that OAuth has a word of its own for. */
export class GrantTypeRefusal extends Refusal {}

/** What is asked for at the token endpoint. */
export interface TokenRequest {
  subjectToken: string;
  /** Slug or id. */
  team: string | undefined;
}

/** Reads the form of RFC 8693, 2.1. @throws Refusal `bad_request`, `too_large` or `aborted`. */
export async function readTokenRequest(request: Request): Promise<TokenRequest> {
  const [contentType] = (request.headers.get("content-type") ?? "").split(";");
  if (contentType?.trim().toLowerCase() !== "application/x-www-form-urlencoded")
    throw invalid("Send a form: Content-Type: application/x-www-form-urlencoded.");
  const form = new URLSearchParams(await readBodyText(request, maxBodyBytes));
  // RFC 6749, 3.2: an empty one counts as left out, and none may stand twice.
  const field = (name: string) => {
    const [value, ...more] = form.getAll(name).filter((one) => one !== "");
    if (more.length > 0) throw invalid(`${name} stands twice.`);
    return value;
  };
  const grantType = field("grant_type");
  if (grantType === undefined) throw invalid(`Send grant_type=${exchangeGrant}.`);
  if (grantType !== exchangeGrant)
    throw new GrantTypeRefusal("bad_request", `The only grant_type here is ${exchangeGrant}.`);
  const subjectToken = field("subject_token");
  if (subjectToken === undefined) throw invalid("Send the CI job's OpenID Connect token as subject_token.");
  if (!subjectTypes.includes(field("subject_token_type") ?? ""))
    throw invalid(`Send subject_token_type, which is ${subjectTypes.join(" or ")}.`);
  if (field("actor_token") !== undefined)
    throw invalid("Nobody can act for a CI job; leave out actor_token.");
  const wanted = field("requested_token_type");
  if (wanted !== undefined && wanted !== issuedType)
    throw invalid(`The only requested_token_type is ${issuedType}.`);
  return { subjectToken, team: field("audience") };
}

function invalid(message: string): Refusal {
  return new Refusal("bad_request", message);
}
