import { Link } from "wouter";
import { roundPercent, roundSize, roundTime } from "../../../units.ts";
import type { Origin, Totals } from "../../api/types.ts";
import { formatCount } from "../../format/count.ts";
import { Card } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { type Column, Rows } from "../../parts/rows.tsx";
import { OriginLink } from "../origin.tsx";

const usage: readonly Column<Totals>[] = [
  {
    title: "Hit rate",
    isNumber: true,
    cell: ({ hitRate }) => (hitRate === null ? "–" : roundPercent(hitRate)),
  },
  { title: "Saved", isNumber: true, cell: ({ savedMs }) => roundTime(savedMs) },
  {
    title: "Tasks",
    isNumber: true,
    cell: ({ remoteHits, localHits, remoteMisses }) => formatCount(remoteHits + localHits + remoteMisses),
  },
  { title: "Uploaded", isNumber: true, cell: ({ uploadedBytes }) => roundSize(uploadedBytes) },
];

/** Who asks and who fills the cache. */
export function ByOrigin({ origins }: { origins: readonly (Origin & Totals)[] }) {
  return (
    <Card title="Who uses it" intro="Tokens and CI policies, those that filled the most first." isFlush>
      {origins.length === 0 ? (
        <Empty title="Nobody in this time">Choose a longer range, or connect a repository.</Empty>
      ) : (
        <Rows
          caption="Usage by token and CI policy"
          rows={origins}
          keyOf={({ kind, id }) => `${kind} ${id}`}
          columns={[{ title: "Origin", cell: (origin) => <OriginLink origin={origin} /> }, ...usage]}
        />
      )}
    </Card>
  );
}

export function ByTeam({ teams }: { teams: readonly ({ team: string; teamId: string } & Totals)[] }) {
  return (
    <Card title="By team" intro="A team's own overview is behind its name." isFlush>
      <Rows
        caption="Usage by team"
        rows={teams}
        keyOf={({ teamId }) => teamId}
        columns={[
          {
            title: "Team",
            cell: ({ team }) => (
              <Link className="link" href={`/?team=${encodeURIComponent(team)}`}>
                {team}
              </Link>
            ),
          },
          ...usage,
        ]}
      />
    </Card>
  );
}
