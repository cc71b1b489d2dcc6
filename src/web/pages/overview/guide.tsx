import { type ReactNode, useState } from "react";
import { roundTime } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange, useGet } from "../../api/queries.ts";
import type { Overview, Page, Team } from "../../api/types.ts";
import { formatCounted } from "../../format/count.ts";
import { Button } from "../../parts/button.tsx";
import { PageTitle } from "../../parts/card.tsx";
import { Failure } from "../../parts/failure.tsx";
import { TextField } from "../../parts/field.tsx";
import { Logo } from "../../shell/logo.tsx";
import { ConnectTool } from "../connect/connect-tool.tsx";
import { dismissGuide, keepName, nameIsKept } from "./guide-progress.ts";

/** From an empty server to the first hit. Shown until there has been one, or somebody has had enough. */
export function Guide({ overview, onEnd }: { overview: Overview; onEnd: () => void }) {
  const { isFirstHitSeen, hasArtifacts, totals } = overview;
  const [isRenaming, setRenaming] = useState(false);
  const teams = useGet<Page<Team>>("/teams");
  const team = teams.data?.items[0];
  const isNamed = !isRenaming && (hasArtifacts || nameIsKept() || hasNames(teams.data?.items ?? []));
  const end = () => {
    dismissGuide();
    onEnd();
  };
  if (isFirstHitSeen) {
    return (
      <div className="mx-auto max-w-2xl py-10 text-center">
        <Logo className="celebrate mx-auto mb-5 size-20" />
        <div role="status">
          <PageTitleCentered title="Your first hit" />
          <p className="mx-auto max-w-prose text-soft">
            A task was not run, because its result was here. So far the cache has answered{" "}
            {formatCounted(totals.remoteHits + totals.localHits, "task")} and saved{" "}
            {roundTime(totals.savedMs)}.
          </p>
        </div>
        <div className="mt-6">
          <Button look="primary" onClick={end}>
            Show the overview
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className="mx-auto max-w-3xl">
      <PageTitle title="Welcome to larder" intro="Three steps to the first task that need not run again.">
        <Button look="plain" onClick={end}>
          Skip the guide
        </Button>
      </PageTitle>
      <ol className="space-y-4">
        <Step number={1} title="Name your team" isDone={isNamed}>
          {teams.error ? (
            <Failure error={teams.error} onRetry={() => void teams.refetch()} />
          ) : (
            team && (
              <NameTeam
                team={team}
                isNamed={isNamed}
                onNamed={() => {
                  keepName();
                  setRenaming(false);
                }}
                onAgain={() => setRenaming(true)}
              />
            )
          )}
        </Step>
        <Step number={2} title="Connect a repository" isDone={hasArtifacts}>
          {(isNamed || hasArtifacts) && team ? (
            <>
              <p className="mb-3 text-soft">
                The token that the first start has printed will do, too. Each can be revoked on the page
                Tokens.
              </p>
              <ConnectTool teamSlug={team.slug} tokenName="first repository" />
            </>
          ) : (
            <p className="text-soft">Lines to paste into a repository come here.</p>
          )}
        </Step>
        <Step number={3} title="Build twice" isDone={false}>
          <Waiting isNamed={isNamed} hasArtifacts={hasArtifacts} />
        </Step>
      </ol>
    </div>
  );
}

/** Whether somebody has named the first team, or made another: until then it is called as its slug. */
function hasNames(teams: readonly Team[]): boolean {
  return teams.length > 1 || teams.some(({ name, slug }) => name.toLowerCase() !== slug);
}

function PageTitleCentered({ title }: { title: string }) {
  return (
    <div className="flex justify-center">
      <PageTitle title={title} />
    </div>
  );
}

function Step({
  number,
  title,
  isDone,
  children,
}: {
  number: number;
  title: string;
  isDone: boolean;
  children: ReactNode;
}) {
  return (
    <li className="flex gap-4 rounded-xl border border-line bg-card p-4 sm:p-5">
      <span
        className={`flex size-8 flex-none items-center justify-center rounded-full text-sm font-bold max-sm:hidden ${isDone ? "bg-good-page text-good" : "bg-raised"}`}
        aria-hidden="true"
      >
        {isDone ? "✓" : number}
      </span>
      <div className="min-w-0 flex-1">
        <h2 className="mb-2 pt-0.5 text-lg font-semibold">
          {title}
          {isDone && <span className="sr-only"> (done)</span>}
        </h2>
        {children}
      </div>
    </li>
  );
}

function NameTeam({
  team,
  isNamed,
  onNamed,
  onAgain,
}: {
  team: Team;
  isNamed: boolean;
  onNamed: () => void;
  onAgain: () => void;
}) {
  const [name, setName] = useState(team.name);
  const rename = useChange((text: string) => call("PATCH", `/teams/${team.id}`, { body: { name: text } }));
  if (isNamed) {
    return (
      <p className="flex flex-wrap items-center gap-x-3">
        <span className="[overflow-wrap:anywhere]">
          <strong>{team.name}</strong>, which build tools call <code className="font-mono">{team.slug}</code>
        </span>
        <Button look="plain" onClick={onAgain}>
          Change
        </Button>
      </p>
    );
  }
  return (
    <form
      className="space-y-3"
      onSubmit={async (event) => {
        event.preventDefault();
        if (name.trim() !== team.name) await rename.mutateAsync(name.trim()).then(onNamed, () => {});
        else onNamed();
      }}
    >
      <TextField
        label="Name"
        value={name}
        onChange={({ target }) => setName(target.value)}
        hint={
          <>
            The name is for people. Build tools go on calling this team{" "}
            <code className="font-mono">{team.slug}</code>, whatever its name. More teams, each with a slug of
            its own, can come later.
          </>
        }
        error={rename.error?.message}
      />
      <Button type="submit" look="primary" isBusy={rename.isPending}>
        Continue
      </Button>
    </form>
  );
}

function Waiting({ isNamed, hasArtifacts }: { isNamed: boolean; hasArtifacts: boolean }) {
  if (!isNamed && !hasArtifacts)
    return <p className="text-soft">This page notices when something arrives.</p>;
  return (
    <>
      <p role="status" className="flex items-start gap-3">
        <span className="mt-1.5 size-2.5 flex-none animate-pulse rounded-full bg-accent" />
        <span>
          {hasArtifacts
            ? "The first results are here. Now build again, somewhere else or without the local cache: waiting for the first hit."
            : "Run a build in the connected repository: waiting for the first upload."}
        </span>
      </p>
      <p className="mt-2 pl-5.5 text-sm text-soft">
        {hasArtifacts ? (
          <>
            With Turborepo, <code className="font-mono">turbo run build --cache=local:,remote:rw</code> asks
            only this cache.
          </>
        ) : (
          <>
            With Turborepo, <code className="font-mono">turbo run build</code> does. If nothing comes, see
            that <code className="font-mono">TURBO_TOKEN</code> is in the environment of the build, and that
            its output says “Remote caching enabled”.
          </>
        )}
      </p>
    </>
  );
}
