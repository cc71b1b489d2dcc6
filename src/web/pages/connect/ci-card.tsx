import { useGet } from "../../api/queries.ts";
import type { Connect } from "../../api/types.ts";
import { Card } from "../../parts/card.tsx";
import { CodeLines } from "../../parts/copy.tsx";

/** What to paste into the jobs that the team's CI policies take, for those who may see its policies. */
export function CiCard({ teamSlug }: { teamSlug: string }) {
  const { data } = useGet<Connect>("/connect", { team: teamSlug });
  if (!data || data.ci.length === 0) return null;
  return (
    <Card title="CI jobs" intro="The team's CI policies give them a token for nothing but what they are.">
      {data.ci.map((each) => (
        <CodeLines key={each.title} lines={each} />
      ))}
    </Card>
  );
}
