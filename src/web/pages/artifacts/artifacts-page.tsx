import { useState } from "react";
import { Link } from "wouter";
import { roundSize, roundTime } from "../../../units.ts";
import { useList } from "../../api/queries.ts";
import type { Artifact } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, ButtonLink } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Done } from "../../parts/failure.tsx";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { OriginName } from "../origin.tsx";
import { ScopeBadge } from "../scope-badge.tsx";
import { toolChoices } from "../tools.ts";
import { PurgeDialog } from "./purge-dialog.tsx";
import { trustChoices, trustedOnly } from "./trust.ts";

/** With fewer characters the API looks for none. */
const shortestHash = 3;
const filterNames = ["hash", "scope", "trust", "tool"];

export function ArtifactsPage() {
  const { team, ownTeams, isOwner, href } = useMe();
  const [isPurging, setPurging] = useState(false);
  const [done, setDone] = useState<string>();
  const [filters] = useFilters();
  const [sort, order] = (filters.get("sort") ?? "used-desc").split("-");
  const hash = filters.get("hash");
  const isHashShort = hash !== null && hash.length < shortestHash;
  const isTrusted = filters.get("trust") === trustedOnly;
  // Empty for trusted ones, as the API has it.
  const scope = isTrusted ? "" : filters.get("scope");
  const tool = filters.get("tool");
  const artifacts = useList<Artifact>(
    "/artifacts",
    { team: team?.slug, hash, scope, tool, sort, order },
    { isEnabled: !isHashShort },
  );
  return (
    <>
      <PageTitle title="Artifacts" intro="What the cache keeps.">
        {(team ? isOwner(team.slug) : ownTeams.length > 0) && (
          <Button look="danger" onClick={() => setPurging(true)}>
            Purge many
          </Button>
        )}
      </PageTitle>
      <Done message={done} />
      <Card isFlush>
        <Filters>
          <TextFilter name="hash" label="Hash begins with" placeholder="3 characters or more" />
          <ChoiceFilter name="trust" label="Trust" all="Trusted or not" choices={trustChoices} />
          {!isTrusted && <TextFilter name="scope" label="Scope" placeholder="such as pr-12" />}
          <ChoiceFilter name="tool" label="Tool" all="All tools" choices={toolChoices} />
          <ChoiceFilter
            name="sort"
            label="Sort by"
            all="Last used"
            choices={[
              { value: "used-asc", label: "Longest unused" },
              { value: "size-desc", label: "Largest" },
              { value: "size-asc", label: "Smallest" },
              { value: "created-desc", label: "Newest" },
              { value: "created-asc", label: "Oldest" },
            ]}
          />
        </Filters>
        {isHashShort ? (
          <Empty title="A hash is looked for by three characters or more">Go on typing.</Empty>
        ) : (
          <ListRows
            caption="Artifacts"
            list={artifacts}
            keyOf={({ id }) => String(id)}
            empty={
              filterNames.some((name) => filters.has(name)) ? (
                <Empty title="None fits">Change the filters. A hash is looked for from its beginning.</Empty>
              ) : (
                <Empty title="The cache is empty">
                  <p className="mb-4">The first build of a connected repository fills it.</p>
                  <ButtonLink look="primary" href={href("/connect")}>
                    Connect a repository
                  </ButtonLink>
                </Empty>
              )
            }
            columns={[
              {
                title: "Hash",
                cell: ({ id, hash, quarantinedAt }) => (
                  <>
                    <Link
                      title={hash}
                      className="link font-mono text-[0.8125rem] max-md:[overflow-wrap:anywhere] md:block md:max-w-52 md:truncate"
                      href={href(`/artifacts/${id}`)}
                    >
                      {hash}
                    </Link>
                    {quarantinedAt && (
                      <>
                        {" "}
                        <Badge tone="bad">quarantined</Badge>
                      </>
                    )}
                  </>
                ),
              },
              ...(team
                ? []
                : [{ title: "Team", isMinor: true, cell: (artifact: Artifact) => artifact.team }]),
              { title: "Scope", cell: ({ scope }) => <ScopeBadge scope={scope} /> },
              { title: "Size", isNumber: true, cell: ({ sizeBytes }) => roundSize(sizeBytes) },
              {
                title: "Task took",
                isNumber: true,
                cell: ({ durationMs }) => (durationMs ? roundTime(durationMs) : null),
              },
              {
                title: "Written by",
                isMinor: true,
                cell: ({ writtenBy }) => <OriginName origin={writtenBy} />,
              },
              { title: "Written", isNumber: true, cell: ({ createdAt }) => <When at={createdAt} /> },
              { title: "Last used", isNumber: true, cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
            ]}
          />
        )}
      </Card>
      {isPurging && (
        <PurgeDialog
          start={{ team: team?.slug, tool, scope, hash }}
          onDone={(message) => {
            setPurging(false);
            setDone(message);
          }}
          onClose={() => setPurging(false)}
        />
      )}
    </>
  );
}
