import { Elysia, t } from "elysia";
import { normalEmail } from "../identity/email.ts";
import type { Members, TeamMember } from "../identity/members.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
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
      async ({ caller, team }) => {
        if (!caller.knowsPeopleOf(team.id)) throw ofNoPerson();
        const members = await caller.services.members.usersOf(team.id);
        return { items: members.map(memberJson), nextCursor: null };
      },
      {
        teamRight: "read",
        params: teamParams,
        response: pageModel(memberModel),
        detail: {
          summary: "List the members of a team, by e-mail address, all at once",
          description: "A token of the team's own needs permission admin.",
        },
      },
    )
    .put(
      "/:user",
      async ({ caller, team, params, body }) => {
        const { members, users } = caller.services;
        const user = await users.find(params.user);
        if (!user) throw noUser(params.user);
        await setMember(caller, team.id, user.id, body.role);
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
          description:
            "The user has to be there already: an administrator of the server creates users, and changes roles that came with single sign-on.",
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
        await setMember(caller, team.id, member.userId, null);
        return { userId: member.userId, email: member.email };
      },
      {
        teamRight: "admin",
        params: memberParams,
        response: t.Object({ userId: t.String(), email: t.String() }),
        detail: {
          summary: "Take a member out of a team",
          description:
            "Who came with single sign-on is taken out there, or by an administrator of the server.",
        },
      },
    );
}

function ofNoPerson(): Refusal {
  return new Refusal(
    "forbidden",
    "A token of the team's own needs permission admin to list members. Use one of yours, or sign in in a browser.",
  );
}

async function setMember(
  { services: { members }, isServerAdmin }: Caller,
  ...[teamId, userId, role]: Parameters<Members["setAsOwner"]>
): Promise<void> {
  if (isServerAdmin) await members.set(teamId, userId, role);
  else await members.setAsOwner(teamId, userId, role);
}

/** An owner may know whether there is one: whoever is added is there to be seen, and it is written down who added whom. */
function noUser(emailOrId: string): Refusal {
  return new Refusal(
    "not_found",
    `There is no user "${emailOrId}". An administrator of the server creates users.`,
  );
}

function memberJson({ disabledAt, ...member }: TeamMember) {
  return { ...member, state: userState({ disabledAt }) };
}
