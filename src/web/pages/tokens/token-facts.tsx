import type { ShownToken } from "../../api/types.ts";
import { formatCounted } from "../../format/count.ts";
import { formatDetails } from "../../format/details.ts";
import { Badge, type Tone } from "../../parts/badge.tsx";
import { Facts } from "../../parts/card.tsx";
import { When } from "../../parts/when.tsx";
import { ScopeBadge } from "../scope-badge.tsx";

const tones: Record<string, Tone> = { valid: "good", revoked: "bad" };
/** Of an administrator's token, which acts in every team. */
const maxNamedTeams = 5;

function TokenState({ state }: { state: string }) {
  return <Badge tone={tones[state] ?? "plain"}>{state}</Badge>;
}

/** All that there is to know of a token but its secret. */
export function TokenFacts({ token }: { token: ShownToken }) {
  const { teams, claims } = token;
  return (
    <Facts
      facts={[
        ["Name", token.name],
        [
          "Id",
          <code key="id" className="font-mono text-sm">
            {token.id}
          </code>,
        ],
        ["Belongs to", token.team === null ? token.user : `team ${token.team}`],
        ["Permission", token.permission],
        [
          "May now",
          teams.length > maxNamedTeams
            ? `act in ${teams.length} teams`
            : teams.map(({ team, permission }) => `${permission} in ${team}`).join(", ") || "act in no team",
        ],
        ["Scope", <ScopeBadge key="scope" scope={token.scope} />],
        ["State", <TokenState key="state" state={token.state} />],
        ["Created", <When key="created" at={token.createdAt} />],
        ["Created by", token.createdBy ?? "unknown"],
        ["Expires", <When key="expires" at={token.expiresAt} />],
        ["Revoked", token.revokedAt && <When key="revoked" at={token.revokedAt} />],
        ["Last used", <When key="used" at={token.lastUsedAt} never="not yet" />],
        [
          "Wrote",
          `${formatCounted(token.artifacts, "artifact")} that ${token.artifacts === 1 ? "is" : "are"} kept`,
        ],
        ["CI policy", token.policyId],
        ["Proved", claims && <Claims key="claims" claims={claims} />],
      ]}
    />
  );
}

/** What a CI job proved of itself to get the token. */
function Claims({ claims }: { claims: Record<string, unknown> }) {
  return (
    <ul className="text-sm">
      {formatDetails(claims).map(([name, text]) => (
        <li key={name}>
          <span className="text-soft">{name}</span> {text}
        </li>
      ))}
    </ul>
  );
}
