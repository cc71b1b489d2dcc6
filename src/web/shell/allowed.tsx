import type { ReactNode } from "react";
import { PageTitle } from "../parts/card.tsx";
import { Empty } from "../parts/empty.tsx";
import { type MyView, useMe } from "./me.tsx";

/** For whom a page is. */
export interface Rule {
  isAllowed: (view: MyView) => boolean;
  /** Whom to ask, for everybody else. */
  whose: string;
}

/** Of the team that is chosen, or of any where none is. */
export const ownersOnly: Rule = {
  isAllowed: ({ team, isOwner, ownTeams, me }) =>
    me.isServerAdmin || (team ? isOwner(team.slug) : ownTeams.length > 0),
  whose: "the owners of a team",
};
export const administratorsOnly: Rule = {
  isAllowed: ({ me }) => me.isServerAdmin,
  whose: "the administrators of this server",
};

/** A page, and to whom it is not for the reason instead. */
export function Allowed({ rule, title, children }: { rule: Rule; title: string; children: ReactNode }) {
  const view = useMe();
  if (rule.isAllowed(view)) return children;
  const { team } = view;
  return (
    <>
      <PageTitle title={title} />
      <Empty title={`This page is for ${rule.whose}`}>
        {rule === ownersOnly && team
          ? `You do not own ${team.name}. Choose a team that you own, or ask one of its owners.`
          : "Ask one of them for what you need here."}
      </Empty>
    </>
  );
}
