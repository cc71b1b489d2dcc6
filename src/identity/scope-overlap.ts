import { ownerClaims } from "./ci-providers.ts";
import { literalAlternatives } from "./claim-patterns.ts";
import type { Policy } from "./policies.ts";
import { type LabelPart, labelParts, parseScopeTemplate } from "./scope-template.ts";

type Compared = Pick<Policy, "teamId" | "issuer" | "claims" | "scope">;

/** A policy, of whose patterns each is read once, however many it is compared with. */
interface ReadPolicy extends Compared {
  /** What a claim can be, where the policy says so to the letter. */
  fixedValues: (claim: string) => string[] | undefined;
  parts: () => readonly LabelPart[];
}

function readPolicy(policy: Compared): ReadPolicy {
  const values = new Map<string, string[] | undefined>();
  const fixedValues = (claim: string) => {
    if (!values.has(claim)) values.set(claim, fixedValuesOf(policy, claim));
    return values.get(claim);
  };
  let parts: readonly LabelPart[] | undefined;
  return { ...policy, fixedValues, parts: () => (parts ??= partsOf(policy, fixedValues)) };
}

/**
 * Whether jobs of two projects could get one scope by these two policies, and so read what the other's strangers wrote. A policy
 * for another kind of jobs of the same project may share its scope.
 */
function share(one: ReadPolicy, other: ReadPolicy): boolean {
  if (one.teamId !== other.teamId || one.scope === "" || other.scope === "") return false;
  return areOfOtherProjects(one, other) && meet(one.parts(), other.parts());
}

/** What to tell whoever has created policies of which some share a scope with others of the team. */
export function sharedScopeWarnings(created: readonly Policy[], ofTeam: readonly Policy[]): string[] {
  const known = ofTeam.map((policy) => ({ ...policy, ...readPolicy(policy) }));
  return created.flatMap((one) => {
    const ours = readPolicy(one);
    const others = known.filter((other) => other.id !== one.id && share(ours, other));
    const theirs = others.map((other) => `"${other.name}" (${other.id})`).join(", ");
    return others.length === 0
      ? []
      : [
          `jobs under policy "${one.name}" can get the same scope (${one.scope}) as jobs of other projects under ${theirs}, and ` +
            "then read what those wrote. Put into the scope what tells the projects apart, such as {repository}.",
        ];
  });
}

function areOfOtherProjects(one: ReadPolicy, other: ReadPolicy): boolean {
  if (one.issuer !== other.issuer) return true;
  const telling = ownerClaims(one.issuer) ?? Object.keys(one.claims);
  return telling.some((claim) => {
    const [ours, theirs] = [one.fixedValues(claim), other.fixedValues(claim)];
    return ours && theirs && !ours.some((value) => theirs.includes(value));
  });
}

function partsOf(policy: Compared, fixedValues: ReadPolicy["fixedValues"]): readonly LabelPart[] {
  return labelParts(parseScopeTemplate(policy.scope), (name) => {
    const values = fixedValues(name);
    return values?.length === 1 ? values[0] : undefined;
  });
}

function fixedValuesOf({ claims }: Compared, name: string): string[] | undefined {
  const pattern = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return pattern === undefined ? undefined : literalAlternatives(pattern);
}

/** Whether some label fits both: whether they can take a character together again and again, until both have ended. */
function meet(one: readonly LabelPart[], other: readonly LabelPart[]): boolean {
  const tried = new Set<string>();
  const meetFrom = (a: number, b: number): boolean => {
    const [ours, theirs] = [one[a], other[b]];
    if (ours === undefined || theirs === undefined) return ours === theirs;
    if (tried.has(`${a} ${b}`) || !haveCommon(ours, theirs)) return false;
    tried.add(`${a} ${b}`);
    return (
      meetFrom(a + 1, b + 1) ||
      (ours instanceof RegExp && meetFrom(a, b + 1)) ||
      (theirs instanceof RegExp && meetFrom(a + 1, b))
    );
  };
  return meetFrom(0, 0);
}

function haveCommon(one: LabelPart, other: LabelPart): boolean {
  if (one instanceof RegExp) return other instanceof RegExp || one.test(other);
  return other instanceof RegExp ? other.test(one) : one === other;
}
