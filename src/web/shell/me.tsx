import { createContext, type ReactNode, useContext } from "react";
import { useSearch } from "wouter";
import type { Me, MyTeam } from "../api/types.ts";

const MeContext = createContext<Me | undefined>(undefined);

export function MeProvider({ me, children }: { me: Me; children: ReactNode }) {
  return <MeContext.Provider value={me}>{children}</MeContext.Provider>;
}

export interface MyView {
  me: Me;
  /** The team that is chosen in the header. Undefined for all that one may see. */
  team: MyTeam | undefined;
  /** The teams in which one may make tokens and the like. */
  ownTeams: readonly MyTeam[];
  /** Whether one may administer a team. */
  isOwner: (slug: string | null | undefined) => boolean;
  /** A route of the dashboard, with the chosen team kept. */
  href: (route: string) => string;
}

/** Who is signed in, which team is looked at, and what may be done. */
export function useMe(): MyView {
  const me = useContext(MeContext);
  const search = useSearch();
  if (!me) throw new Error("No one is known yet to be signed in.");
  const wanted = new URLSearchParams(search).get("team");
  const found = me.teams.find(({ slug }) => slug === wanted);
  const team = found ?? (me.teams.length === 1 && !me.isServerAdmin ? me.teams[0] : undefined);
  const ownTeams = me.teams.filter(({ permission }) => me.isServerAdmin || permission === "admin");
  return {
    me,
    team,
    ownTeams,
    isOwner: (slug) => me.isServerAdmin || ownTeams.some((own) => own.slug === slug),
    href: (route) => withTeam(route, found?.slug),
  };
}

function withTeam(route: string, slug: string | undefined): string {
  if (slug === undefined) return route;
  return `${route}${route.includes("?") ? "&" : "?"}${new URLSearchParams({ team: slug })}`;
}
