import { Elysia, t } from "elysia";
import { takeOutTeam } from "../cache/books.ts";
import type { Team, TeamChange } from "../identity/teams.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { teamParams } from "./model.ts";
import { teamJson } from "./team-json.ts";
import { newTeamModel, ownSettingNames, shownTeamModel, teamChangeModel, teamModel } from "./teams-model.ts";

/** `/teams`: those that one may see, and what becomes of them. */
export function teamsRoutes({ who, storageTotals }: AdminOptions) {
  const shown = async (team: Team) => ({
    ...teamJson(team),
    artifacts: await storageTotals.artifactsOf([team.id]),
  });

  return new Elysia({ prefix: "/teams", tags: ["Teams"] })
    .use(who)
    .get(
      "",
      ({ caller }) => ({ items: caller.facts.grants.map(({ team }) => teamJson(team)), nextCursor: null }),
      {
        who: "anybody",
        response: t.Object({ items: t.Array(teamModel), nextCursor: t.Null() }),
        detail: { summary: "List the teams that one may see, by slug" },
      },
    )
    .post(
      "",
      async ({ caller, body, set }) => {
        const team = await caller.services.teams.create(body);
        set.status = 201;
        return teamJson(team);
      },
      {
        who: "server",
        body: newTeamModel,
        response: { 201: teamModel },
        detail: { summary: "Create a team", description: "For administrators of the server." },
      },
    )
    .get("/:team", async ({ team }) => await shown(team), {
      teamRight: "read",
      params: teamParams,
      response: shownTeamModel,
      detail: { summary: "Show a team" },
    })
    .patch(
      "/:team",
      async ({ caller, team, body }) => {
        requireOwnSettings(caller, body);
        return await shown(await caller.services.teams.set(team.id, body));
      },
      {
        teamRight: "admin",
        params: teamParams,
        body: teamChangeModel,
        response: shownTeamModel,
        detail: {
          summary: "Change a team",
          description:
            "An owner may change name, overwrite, requireTag and anonymousRead; all else is for administrators of the server.",
        },
      },
    )
    .delete(
      "/:team",
      async ({ caller, params }) => {
        const team = caller.team(params.team, "admin");
        await caller.services.teams.delete(team.id, takeOutTeam);
        return teamJson(team);
      },
      {
        who: "server",
        params: teamParams,
        response: teamModel,
        detail: {
          summary: "Delete a team with its artifacts, tokens and events",
          description: "For administrators of the server.",
        },
      },
    );
}

/** Nobody raises his own quota, or turns on again what an administrator has turned off. @throws Refusal `forbidden`. */
function requireOwnSettings(caller: Caller, change: TeamChange): void {
  const names = Object.keys(change);
  if (names.length === 0)
    throw new Refusal("bad_request", "Nothing to change. Name what shall be otherwise.");
  const others = names.filter((name) => !ownSettingNames.includes(name));
  if (others.length === 0 || caller.isServerAdmin) return;
  throw new Refusal(
    "forbidden",
    `Only an administrator of the server may change ${others.join(", ")}. An owner may change ${ownSettingNames.join(", ")}.`,
  );
}
