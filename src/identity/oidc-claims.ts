import type { OidcClaims } from "./sign-in-rules.ts";

/** The members of an ID token, or of an answer of the userinfo endpoint. */
export type Claims = Readonly<Record<string, unknown>>;

/** Whether a claim is not there; one that is there may be of any kind. */
export function lacks(claims: Claims, name: string): boolean {
  return claimAt(claims, name) === undefined;
}

/** What counts, from the ID token and where that is silent from userinfo, which the provider answers for the same subject. */
export function claimsOf(
  idToken: Claims,
  userInfo: Claims,
  groupsClaim: string,
): Omit<OidcClaims, "issuer" | "subject"> {
  // Both from one place: what one calls verified need not be the other's address.
  const isWhole = !lacks(idToken, "email") && !lacks(idToken, "email_verified");
  const { email, email_verified } = isWhole || lacks(userInfo, "email") ? idToken : userInfo;
  return {
    email: textOf(email),
    isEmailVerified: truthOf(email_verified),
    name: textOf(idToken.name) ?? textOf(userInfo.name),
    groups: textsOf(claimAt(idToken, groupsClaim) ?? claimAt(userInfo, groupsClaim)),
  };
}

/** By its whole name, which may hold dots as a URL does, else as a path into an object: `realm_access.roles`. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name] ?? undefined;
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value ?? undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Some providers, Amazon Cognito for one, send it as text. */
function truthOf(value: unknown): boolean | undefined {
  if (value === true || value === "true") return true;
  return value === undefined || value === null ? undefined : false;
}

/** Somebody in one group only may get it as text. */
function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");
}
