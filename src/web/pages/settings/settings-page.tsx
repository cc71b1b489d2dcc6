import { useGet } from "../../api/queries.ts";
import type { Settings } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Facts, PageTitle } from "../../parts/card.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Rows } from "../../parts/rows.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";

export function SettingsPage() {
  const settings = useGet<Settings>("/settings");
  const { data, error } = settings;
  return (
    <>
      <PageTitle
        title="Settings"
        intro="What counts now, and where it was said. They change with flags, the environment or larder.toml, and a restart."
      />
      {error && <Failure error={error} onRetry={() => void settings.refetch()} />}
      {!data && !error && <SkeletonLines />}
      {data && (
        <>
          <Card>
            <Facts
              facts={[
                ["larder", data.version],
                ["Bun", data.bunVersion],
                [
                  "Data folder",
                  <code key="folder" className="font-mono text-sm">
                    {data.dataFolder}
                  </code>,
                ],
              ]}
            />
          </Card>
          <Card isFlush>
            <Rows
              caption="Settings"
              rows={data.settings}
              keyOf={({ name }) => name}
              columns={[
                { title: "Setting", cell: ({ name }) => <code className="font-mono">{name}</code> },
                {
                  title: "Value",
                  cell: ({ value, isSecret }) => <Value value={value} isSecret={isSecret} />,
                },
                {
                  title: "From",
                  cell: ({ source }) => (
                    <Badge tone={source === "default" ? "plain" : "good"}>{source}</Badge>
                  ),
                },
                { title: "What it is", cell: ({ doc }) => <span className="text-soft">{doc}</span> },
              ]}
            />
          </Card>
        </>
      )}
    </>
  );
}

function Value({ value, isSecret }: { value: unknown; isSecret: boolean }) {
  if (isSecret) return <span className="text-soft">{value === null ? "not set" : "set, and not shown"}</span>;
  if (value === null || value === undefined) return <span className="text-soft">not set</span>;
  if (value === "") return <span className="text-soft">empty</span>;
  return (
    <code className="block font-mono text-sm [overflow-wrap:anywhere] md:min-w-44">
      {typeof value === "string" ? value : JSON.stringify(value)}
    </code>
  );
}
