import type { ValueKind } from "./value-kinds.ts";

/** As `oidcAccess` has it; what it means is for those who sign people in. */
export interface SignInRuleValue {
  readonly match:
    | { readonly by: "any" }
    | { readonly by: "domain" | "email" | "group"; readonly value: string };
  readonly grant:
    | { readonly role: "admin" | "member" }
    | { readonly team: string; readonly role: "owner" | "member" | "viewer" };
}

/** Greedy, so that the last `=` counts: a group's name may hold some, as those of directories do. */
const rulePattern =
  /^(?:(any)|(domain|email|group):(.+))=(?:(admin|member)|([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?):(owner|member|viewer))$/u;
const valuePatterns = {
  // Addresses are ASCII only, as users have them; a domain with other letters has another form of these.
  domain: /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/,
  email: /^[!-?A-~]+@[!-?A-~]+$/,
  group: /^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u,
};

/** Rules such as `group:web=web:owner`, in a list, or in text separated by commas or as a JSON array. */
export function signInRulesValue(): ValueKind<readonly SignInRuleValue[]> {
  return {
    placeholder: "rules",
    allowed:
      "rules separated by commas, WHO=WHAT: WHO is any, domain:example.org, group:NAME or email:ann@example.org, " +
      "and WHAT is TEAM:owner, TEAM:member, TEAM:viewer, admin or member",
    read: (raw) => {
      const parts = partsOf(raw);
      if (!parts?.length) return undefined;
      const value: SignInRuleValue[] = [];
      for (const part of parts) {
        const rule = typeof part === "string" ? readRule(part.trim()) : undefined;
        if (!rule) return undefined;
        value.push(rule);
      }
      return { value };
    },
    format: formatRules,
    json: formatRules,
  };
}

/** In JSON a rule may hold a comma, as the distinguished names of a directory do. */
function partsOf(raw: unknown): unknown[] | undefined {
  if (Array.isArray(raw)) return raw;
  if (typeof raw !== "string") return undefined;
  if (!raw.trimStart().startsWith("[")) return raw.split(",").filter((part) => part.trim() !== "");
  try {
    const parsed: unknown = JSON.parse(raw);
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function readRule(text: string): SignInRuleValue | undefined {
  const [, any, by, value, role, team, teamRole] = rulePattern.exec(text) ?? [];
  const match = any === "any" ? ({ by: "any" } as const) : readMatch(by, value);
  if (!match) return undefined;
  if (role === "admin" || role === "member") return { match, grant: { role } };
  if (team !== undefined && (teamRole === "owner" || teamRole === "member" || teamRole === "viewer"))
    return { match, grant: { team, role: teamRole } };
  return undefined;
}

function readMatch(by: string | undefined, value: string | undefined): SignInRuleValue["match"] | undefined {
  if ((by !== "domain" && by !== "email" && by !== "group") || value === undefined) return undefined;
  if (!valuePatterns[by].test(value)) return undefined;
  // The names of groups are the provider's own, and may differ in case only.
  return { by, value: by === "group" ? value : value.toLowerCase() };
}

function formatRules(rules: readonly SignInRuleValue[]): string {
  const texts = rules.map(({ match, grant }) => {
    const who = match.by === "any" ? "any" : `${match.by}:${match.value}`;
    return `${who}=${"team" in grant ? `${grant.team}:${grant.role}` : grant.role}`;
  });
  return texts.some((text) => text.includes(",")) ? JSON.stringify(texts) : texts.join(", ");
}
