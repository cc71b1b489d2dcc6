import { parseSize, roundSize } from "../../../units.ts";
import { useGet } from "../../api/queries.ts";
import type { Setting, Settings } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Facts, PageTitle } from "../../parts/card.tsx";
import { CodeText } from "../../parts/code-text.tsx";
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
                  cell: (setting) => <Value {...setting} />,
                },
                {
                  title: "From",
                  cell: ({ source }) => (
                    <Badge tone={source === "default" ? "plain" : "good"}>{source}</Badge>
                  ),
                },
                {
                  title: "What it is",
                  cell: ({ doc }) => (
                    <span className="text-soft">
                      <CodeText text={doc} />
                    </span>
                  ),
                },
              ]}
            />
          </Card>
        </>
      )}
    </>
  );
}

function Value({ value, resolved, isSecret }: Setting) {
  if (isSecret) return <span className="text-soft">{value === null ? "none" : "set, and not shown"}</span>;
  if (value === "") return <span className="text-soft">empty</span>;
  return (
    <span className="block [overflow-wrap:anywhere] md:min-w-44">
      {value === null ? (
        <span className="text-soft">none</span>
      ) : (
        <code className="font-mono text-sm">{value}</code>
      )}
      {resolved !== null && <span className="text-soft"> now {readable(resolved)}</span>}
    </span>
  );
}

/** A size that nobody has chosen has more digits than anybody wants to read. */
function readable(resolved: string | number): string {
  const sizeBytes = typeof resolved === "string" ? parseSize(resolved) : undefined;
  return sizeBytes === undefined ? String(resolved) : roundSize(sizeBytes);
}
