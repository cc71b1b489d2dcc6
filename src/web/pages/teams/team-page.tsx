import { useState } from "react";
import { Link } from "wouter";
import { roundPercent, roundSize, roundTime } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useGet } from "../../api/queries.ts";
import type { ShownTeam } from "../../api/types.ts";
import { formatCount } from "../../format/count.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, ButtonLink } from "../../parts/button.tsx";
import { Card, Facts, PageTitle } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { dashboardBase } from "../../site.ts";
import { PolicyList } from "../policies/policy-list.tsx";
import { Members } from "./members.tsx";
import { TeamSettings } from "./team-settings.tsx";
import { teamState } from "./team-words.ts";

export function TeamPage({ slug }: { slug: string }) {
  const { isOwner, me } = useMe();
  const [isDeleting, setDeleting] = useState(false);
  const path = `/teams/${encodeURIComponent(slug)}`;
  const found = useGet<ShownTeam>(path);
  const remove = async () => {
    await call("DELETE", path);
    // Loaded anew, since most of what has been asked for was about this team.
    location.assign(`${dashboardBase}/teams`);
  };
  const { data: team, error } = found;
  if (error) {
    return (
      <>
        <PageTitle title="Team" />
        <Failure error={error} onRetry={() => void found.refetch()} />
      </>
    );
  }
  if (!team) return <SkeletonLines />;
  const state = teamState(team.state);
  return (
    <>
      <PageTitle title={team.name}>
        <ButtonLink href={`/?team=${encodeURIComponent(team.slug)}`}>Its overview</ButtonLink>
        <ButtonLink href={`/connect?team=${encodeURIComponent(team.slug)}`}>Connect</ButtonLink>
      </PageTitle>
      <Card>
        <Facts
          facts={[
            [
              "Slug",
              <code key="slug" className="font-mono">
                {team.slug}
              </code>,
            ],
            [
              "State",
              <Badge key="state" tone={state.tone}>
                {state.label}
              </Badge>,
            ],
            [
              "Uses",
              team.quotaBytes === null
                ? `${roundSize(team.usedBytes)}, without a quota`
                : `${roundSize(team.usedBytes)} of ${roundSize(team.quotaBytes)} (${roundPercent(team.usedBytes / team.quotaBytes)})`,
            ],
            [
              "Artifacts",
              <Link
                key="artifacts"
                className="link"
                href={`/artifacts?team=${encodeURIComponent(team.slug)}`}
              >
                {formatCount(team.artifacts)}
              </Link>,
            ],
            [
              "Go unused after",
              team.maxAgeMs === null ? "what the server's settings say" : roundTime(team.maxAgeMs),
            ],
            ["Created", <When key="created" at={team.createdAt} />],
          ]}
        />
      </Card>
      {isOwner(team.slug) && (
        <>
          <TeamSettings team={team} />
          <Members slug={team.slug} />
          <Card title="CI policies" intro="Which CI jobs get a token of this team without a secret." isFlush>
            <PolicyList teamSlug={team.slug} />
          </Card>
        </>
      )}
      {me.isServerAdmin && (
        <Card title="Delete the team" intro="With all its artifacts, tokens, policies and figures.">
          <Button look="danger" onClick={() => setDeleting(true)}>
            Delete team
          </Button>
        </Card>
      )}
      {isDeleting && (
        <Confirm
          title={`Delete ${team.name}?`}
          action="Delete team"
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        >
          <p>
            {formatCount(team.artifacts)} artifacts, {roundSize(team.usedBytes)}, and all of its tokens go.
            Builds that use them are refused at once. This cannot be undone.
          </p>
        </Confirm>
      )}
    </>
  );
}
