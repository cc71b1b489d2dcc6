import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { Refusal } from "../refusal.ts";
import type { IssuerNetwork, Issuers } from "./issuers.ts";
import { isSecret } from "./secret.ts";

/** What an issuer has said of a job: the claims of its token. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * None of them takes a secret that both sides know: with such a one, an issuer's public key would do to forge a token
 * (RFC 8725, 2.1).
 */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const clockToleranceSeconds = 60;
/** A job asks for its token when it needs it. */
const maxTokenAge = "24h";
/** As it is sent (RFC 7515, 3.1). The library lets spaces pass. */
const compact = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * The claims of a token as anybody may have written them.
 * @throws Refusal `bad_request` for what is no JWT with an issuer.
 */
export function readUnverified(token: string): Claims & { iss: string } {
  let claims: JWTPayload;
  try {
    if (!compact.test(token)) throw new SyntaxError();
    claims = decodeJwt(token);
  } catch {
    const what = isSecret(token) ? "a token of larder's own, and no CI job's" : "no JWT";
    throw new Refusal(
      "bad_request",
      `This is ${what}. Send the OpenID Connect token of the CI job as it is.`,
    );
  }
  const { iss } = claims;
  if (typeof iss === "string" && iss !== "") return { ...claims, iss };
  throw new Refusal(
    "bad_request",
    "This JWT names no issuer (iss). Send the OpenID Connect token of the CI job.",
  );
}

/**
 * The claims of a token that its issuer has signed, and that counts now. Whom it is for (aud) is yet to be looked at.
 * @param issuer has to be one that is trusted: its keys are fetched.
 * @param network where it may be.
 * @throws Refusal `forbidden` that says what is wrong, or `unavailable` when the issuer's keys cannot be had.
 */
export async function verifyIdToken(
  token: string,
  issuer: string,
  issuers: Issuers,
  network: IssuerNetwork,
): Promise<Claims> {
  try {
    const { payload } = await jwtVerify(token, issuers.keysOf(issuer, network), {
      issuer,
      algorithms,
      clockTolerance: clockToleranceSeconds,
      maxTokenAge,
      requiredClaims: ["exp", "iat"],
    });
    return payload;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("forbidden", `The job's token does not count: ${reasonOf(error)}.`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) {
    return error.claim === "iat"
      ? "it is older than 24 hours"
      : "it has expired; ask for it right before it is needed";
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return `it has no claim ${error.claim}`;
    if (["nbf", "iat"].includes(error.claim)) return "it is not valid yet; compare the clocks of both sides";
    return `its claim ${error.claim} is not what it has to be`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return `it has to be signed with one of ${algorithms.join(", ")}`;
  if (error instanceof errors.JWKSNoMatchingKey) return "its issuer has no such key";
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return "it does not say with which key it is signed (kid)";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature is not its issuer's";
  if (error instanceof errors.JOSEError) return "it is no JWT that is signed as it has to be";
  return "it cannot be verified with its issuer's keys";
}
