import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { roundPercent, roundSize } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange, useList } from "../../api/queries.ts";
import type { Team } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Failure } from "../../parts/failure.tsx";
import { TextField } from "../../parts/field.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { teamState } from "./team-words.ts";

export function TeamsPage() {
  const { me } = useMe();
  const [isMaking, setMaking] = useState(false);
  const teams = useList<Team>("/teams");
  return (
    <>
      <PageTitle title="Teams" intro="Each has a cache of its own that no other team can read.">
        {me.isServerAdmin && (
          <Button look="primary" onClick={() => setMaking(true)}>
            New team
          </Button>
        )}
      </PageTitle>
      <Card isFlush>
        <ListRows
          caption="Teams"
          list={teams}
          keyOf={({ id }) => id}
          empty={<Empty title="No team yet">Create one, and then connect its repositories.</Empty>}
          columns={[
            {
              title: "Team",
              cell: ({ slug, name }) => (
                <Link className="link [overflow-wrap:anywhere]" href={`/teams/${encodeURIComponent(slug)}`}>
                  {name}
                </Link>
              ),
            },
            { title: "Slug", cell: ({ slug }) => <code className="font-mono">{slug}</code> },
            {
              title: "State",
              cell: ({ state }) => <Badge tone={teamState(state).tone}>{teamState(state).label}</Badge>,
            },
            { title: "Uses", isNumber: true, cell: ({ usedBytes }) => roundSize(usedBytes) },
            {
              title: "Quota",
              isNumber: true,
              cell: ({ usedBytes, quotaBytes }) =>
                quotaBytes === null ? (
                  <span className="text-soft">none</span>
                ) : (
                  `${roundSize(quotaBytes)} (${roundPercent(usedBytes / quotaBytes)})`
                ),
            },
            { title: "Created", isNumber: true, cell: ({ createdAt }) => <When at={createdAt} /> },
          ]}
        />
      </Card>
      {isMaking && <NewTeamDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function NewTeamDialog({ onClose }: { onClose: () => void }) {
  const [, go] = useLocation();
  const make = useChange((body: unknown) => call<Team>("POST", "/teams", { body }));
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [slug, name] = [String(form.get("slug")).trim(), String(form.get("name")).trim()];
    const team = await make.mutateAsync({ slug, ...(name !== "" && { name }) }).catch(() => undefined);
    if (!team) return;
    onClose();
    go(`/teams/${team.slug}`);
  }
  return (
    <Dialog title="New team" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label="Slug"
          name="slug"
          required
          autoFocus
          spellCheck={false}
          hint="Its name for clients, as TURBO_TEAM: letters a to z, digits and hyphens."
        />
        <TextField label="Name" name="name" hint="For people; the slug, if empty." />
        <div aria-live="polite">{make.error && <Failure error={make.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>
            Create team
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}
