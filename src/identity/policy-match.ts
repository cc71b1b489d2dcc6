import { captureNames, claimText, isTooLong, matchClaim, parsePattern } from "./claim-patterns.ts";
import type { Claims } from "./id-token.ts";
import type { IssuerNetwork } from "./issuers.ts";
import type { Policy } from "./policies.ts";
import { trustedWord } from "./scope.ts";
import { fillScope, parseScopeTemplate, valueNames } from "./scope-template.ts";
import { allows } from "./tokens.ts";

/** Where an issuer may be that these policies name. */
export function networkOf(policies: readonly Policy[]): IssuerNetwork {
  return policies.some((policy) => policy.isInternalAllowed) ? "any" : "public";
}

/** What a policy thinks of a job. */
export type Judgement =
  | { policy: Policy; matches: true; scope: string }
  /** `reasons` is what an administrator may read: they tell what the policy wants. */
  | { policy: Policy; matches: false; reasons: string[] };

/**
 * What each of the policies thinks. Whoever makes policies chooses how much there is to look at, so others have their turn
 * between two of them.
 */
export async function judgeAll(policies: readonly Policy[], claims: Claims): Promise<Judgement[]> {
  const judgements: Judgement[] = [];
  for (const policy of policies) {
    // What a token says has no meaning to a policy for another issuer, and is not looked at.
    const otherIssuer = otherIssuerReason(policy, claims);
    if (otherIssuer) {
      judgements.push({ policy, matches: false, reasons: [otherIssuer] });
      continue;
    }
    judgements.push(judge(policy, claims));
    await new Promise((turned) => setImmediate(turned));
  }
  return judgements;
}

/** @param claims of a token that has been verified; that alone says nothing yet of whom it is for. */
export function judge(policy: Policy, claims: Claims): Judgement {
  const reasons: string[] = [];
  const otherIssuer = otherIssuerReason(policy, claims);
  if (otherIssuer) reasons.push(otherIssuer);
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (!audiences.includes(policy.audience))
    reasons.push(`audience is ${shown(claims.aud)} and has to be "${policy.audience}"`);

  const captured = new Map<string, string | undefined>();
  for (const [name, text] of Object.entries(policy.claims)) {
    const pattern = parsePattern(text);
    const value = claimOf(claims, name);
    const captures = matchClaim(pattern, value);
    if (isTooLong(value)) reasons.push(`claim ${name} is longer than what is looked at: ${shown(value)}`);
    else if (!captures) reasons.push(`claim ${name} is ${shown(value)} and has to be "${text}"`);
    for (const capture of captureNames(pattern)) captured.set(capture, captures?.get(capture));
  }
  if (reasons.length > 0) return { policy, matches: false, reasons };

  const template = parseScopeTemplate(policy.scope);
  const fill = (name: string) => (captured.has(name) ? captured.get(name) : claimText(claimOf(claims, name)));
  const scope = fillScope(template, fill);
  if (scope !== undefined) return { policy, matches: true, scope };
  const missing = valueNames(template).filter((name) => !fill(name));
  const why =
    missing.length > 0
      ? `lacks a value for ${missing.join(", ")}`
      : `would be called "${trustedWord}", as the work without a scope is`;
  return { policy, matches: false, reasons: [`scope "${policy.scope}" ${why}`] };
}

function otherIssuerReason({ issuer }: Policy, { iss }: Claims): string | undefined {
  return iss === issuer ? undefined : `issuer is ${shown(iss)} and has to be "${issuer}"`;
}

/** The one that counts of several: trusted before scoped, then write before read, then the oldest. */
export function strongest(judgements: readonly Judgement[]): (Judgement & { matches: true }) | undefined {
  const matching = judgements.filter((one): one is Judgement & { matches: true } => one.matches);
  const isTrusted = (one: { scope: string }) => Number(one.scope === "");
  const mayWrite = ({ policy }: Judgement) => Number(allows(policy.permission, "write"));
  return matching.sort(
    (a, b) =>
      isTrusted(b) - isTrusted(a) ||
      mayWrite(b) - mayWrite(a) ||
      a.policy.createdAt - b.policy.createdAt ||
      (a.policy.id < b.policy.id ? -1 : 1),
  )[0];
}

/** A token may have a claim that is called like something that every object has. */
function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

const maxShownLength = 200;

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength).toWellFormed()}…` : text;
}
