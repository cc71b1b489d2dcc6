import { Elysia, t } from "elysia";
import { normalEmail } from "../identity/email.ts";
import type { TeamMember } from "../identity/members.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import { memberRoleModel, nameModel, pageModel, teamParams } from "./model.ts";
import { userState } from "./user-json.ts";
import { memberModel } from "./users-model.ts";

const memberParams = t.Object({
  ...teamParams.properties,
  user: nameModel({ description: "E-mail address or id of the user" }),
});

/** `/teams/{team}/members`: who belongs to a team, and as what. */
export function membersRoutes({ who }: AdminOptions) {
  return new Elysia({ prefix: "/teams/:team/members", tags: ["Teams"] })
    .use(who)
    .get(
      "",
      async ({ caller, team }) => ({
        items: (await caller.services.members.usersOf(team.id)).map(memberJson),
        nextCursor: null,
      }),
      {
        teamRight: "read",
        params: teamParams,
        response: pageModel(memberModel),
        detail: { summary: "List the members of a team, by e-mail address, all at once" },
      },
    )
    .put(
      "/:user",
      async ({ caller, team, params, body }) => {
        const { members, users } = caller.services;
        const user = await users.get(params.user);
        await members.set(team.id, user.id, body.role);
        const member = (await members.usersOf(team.id)).find(({ userId }) => userId === user.id);
        if (!member)
          throw new Refusal("conflict", "Somebody else took this member out meanwhile. Try again.");
        return memberJson(member);
      },
      {
        teamRight: "admin",
        params: memberParams,
        body: t.Object({ role: memberRoleModel }, { additionalProperties: false }),
        response: memberModel,
        detail: {
          summary: "Give a user a role in a team",
          description: "The user has to be there already: an administrator of the server creates users.",
        },
      },
    )
    .delete(
      "/:user",
      async ({ caller, team, params }) => {
        const { members } = caller.services;
        const ofTeam = await members.usersOf(team.id);
        const wanted = normalEmail(params.user);
        const member = ofTeam.find(({ userId, email }) => userId === params.user || email === wanted);
        // The same for whoever has an account and whoever has none.
        if (!member) throw new Refusal("not_found", `"${params.user}" is no member of team "${team.slug}".`);
        await members.set(team.id, member.userId, null);
        return { userId: member.userId, email: member.email };
      },
      {
        teamRight: "admin",
        params: memberParams,
        response: t.Object({ userId: t.String(), email: t.String() }),
        detail: { summary: "Take a member out of a team" },
      },
    );
}

function memberJson({ disabledAt, ...member }: TeamMember) {
  return { ...member, state: userState({ disabledAt }) };
}
