import { useState } from "react";
import { useList } from "../../api/queries.ts";
import type { Token } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Done } from "../../parts/failure.tsx";
import { ChoiceFilter, Filters, useFilters } from "../../parts/filters.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { ScopeBadge } from "../scope-badge.tsx";
import { NewTokenDialog } from "./new-token-dialog.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { TestTokenDialog } from "./test-token-dialog.tsx";
import { TokenDialog } from "./token-dialog.tsx";

export function TokensPage() {
  const { team, isOwner, me } = useMe();
  const [filters] = useFilters();
  const [isMaking, setMaking] = useState(false);
  const [isTesting, setTesting] = useState(false);
  const [shown, setShown] = useState<Token>();
  const [revoking, setRevoking] = useState<Token>();
  const [done, setDone] = useState<string>();
  // Without a team, everybody but an administrator of the server sees their own.
  const slug = team && isOwner(team.slug) && filters.get("whose") !== "own" ? team.slug : undefined;
  const tokens = useList<Token>("/tokens", { team: slug, state: filters.get("state") ?? "valid" });
  const mayRevoke = (token: Token) =>
    token.revokedAt === null &&
    (isOwner(token.team) || (token.user !== null && token.user === me.user?.email));
  return (
    <>
      <PageTitle
        title="Tokens"
        intro="What builds prove themselves with. A secret is shown once, when it is created."
      >
        <Button onClick={() => setTesting(true)}>Test a token</Button>
        <Button look="primary" onClick={() => setMaking(true)}>
          New token
        </Button>
      </PageTitle>
      <Done message={done} />
      <Card isFlush>
        <Filters>
          <ChoiceFilter
            name="state"
            label="State"
            all="Valid"
            choices={[
              { value: "expired", label: "Expired" },
              { value: "revoked", label: "Revoked" },
              { value: "disabled", label: "Of disabled users" },
            ]}
          />
          {team && isOwner(team.slug) && !me.isServerAdmin && (
            <ChoiceFilter
              name="whose"
              label="Belongs to"
              all={`Team ${team.name}`}
              choices={[{ value: "own", label: "Yourself" }]}
            />
          )}
        </Filters>
        <ListRows
          caption="Tokens"
          list={tokens}
          keyOf={({ id }) => id}
          empty={
            <Empty title="No such tokens">
              {filters.has("state")
                ? "None is in this state."
                : "Create one for a repository, a CI service or yourself."}
            </Empty>
          }
          columns={[
            {
              title: "Name",
              cell: (token) => (
                <button
                  type="button"
                  title={token.id}
                  className="link text-left font-medium md:min-w-28 [overflow-wrap:anywhere]"
                  onClick={() => setShown(token)}
                >
                  {token.name}
                </button>
              ),
            },
            { title: "Belongs to", cell: ({ team: slug, user }) => (slug === null ? user : `team ${slug}`) },
            { title: "Permission", cell: ({ permission }) => permission },
            { title: "Scope", isMinor: true, cell: ({ scope }) => <ScopeBadge scope={scope} /> },
            {
              title: "Created",
              isMinor: true,
              cell: ({ createdAt, createdBy }) => (
                <div className="md:min-w-28">
                  <When at={createdAt} />
                  <span className="block text-xs text-soft [overflow-wrap:anywhere]">
                    by {createdBy ?? "somebody unknown"}
                  </span>
                </div>
              ),
            },
            { title: "Expires", isNumber: true, cell: ({ expiresAt }) => <When at={expiresAt} /> },
            {
              title: "Last used",
              isNumber: true,
              cell: ({ lastUsedAt }) => <When at={lastUsedAt} never="not yet" />,
            },
            {
              title: "",
              isNumber: true,
              cell: (token) =>
                mayRevoke(token) ? (
                  <Button isSmall look="danger" onClick={() => setRevoking(token)}>
                    Revoke<span className="sr-only"> {token.name}</span>
                  </Button>
                ) : null,
            },
          ]}
        />
      </Card>
      {isMaking && <NewTokenDialog onClose={() => setMaking(false)} />}
      {shown && <TokenDialog token={shown} onClose={() => setShown(undefined)} />}
      {isTesting && <TestTokenDialog onClose={() => setTesting(false)} />}
      {revoking && <RevokeDialog token={revoking} onDone={setDone} onClose={() => setRevoking(undefined)} />}
    </>
  );
}
