import { auditKinds, auditThings } from "../audit/audit-kinds.ts";
import { nearestName } from "../config/nearest-name.ts";
import { Refusal } from "../refusal.ts";

/** A mistyped kind has no rows, which would look as if nothing had been done. @throws Refusal `bad_request`. */
export function checkAuditKind(kind: string): void {
  const whole = kind.replace(/\.$/, "");
  const kinds: readonly string[] = [...auditThings, ...auditKinds];
  if (kinds.includes(whole)) return;
  const actions = auditKinds.filter((known) => known.startsWith(`${whole.split(".")[0]}.`));
  const near = actions.length > 0 ? undefined : nearestName(whole, kinds);
  const advice = near
    ? `Did you mean ${near}?`
    : `There are ${(actions.length > 0 ? actions : auditThings).join(", ")}.`;
  throw new Refusal("bad_request", `Nothing is written down as --kind "${kind}". ${advice}`);
}
