import type { Principal } from "../identity/principal.ts";
import type { Asker, Origin } from "../usage/asker.ts";

/** By principal, which is the same object for all requests of a credential, until teams, users or tokens change. */
const known = new WeakMap<Principal, Map<string, Asker>>();

/** Whose the use of the cache is that a principal makes of it by a tool. */
export function askerOf(principal: Principal, tool: string): Asker {
  const ofTools = known.get(principal) ?? new Map<string, Asker>();
  const before = ofTools.get(tool);
  if (before) return before;
  const { team, tokenId, name, userId, scope } = principal;
  const asker = { teamId: team.id, tool, origin: originOf(principal), tokenId, name, userId, scope };
  ofTools.set(tool, asker);
  known.set(principal, ofTools);
  return asker;
}

function originOf({ isAnonymous, policyId, tokenId, name }: Principal): Origin {
  if (isAnonymous) return { kind: "anonymous", id: "" };
  if (policyId !== null) return { kind: "policy", id: policyId };
  return tokenId === null ? { kind: "environment", id: name } : { kind: "token", id: tokenId };
}
