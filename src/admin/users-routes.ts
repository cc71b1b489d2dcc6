import { Elysia, t } from "elysia";
import type { IdentityServices } from "../identity/services.ts";
import type { UserChange } from "../identity/users.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import { isoTime } from "./iso-time.ts";
import { pageModel, pageQuery, pageWish, userParams } from "./model.ts";
import { linkMaxAgeMs, userJson } from "./user-json.ts";
import { invitedUserModel, linkModel, newUserModel, userChangeModel, userModel } from "./users-model.ts";

/** `/users`: the people who may sign in, for administrators of the server. */
export function usersRoutes({ who, baseUrl }: AdminOptions) {
  const linkJson = (request: Request, secret: string, expiresAt: number) => ({
    // In the fragment, which browsers do not send: no log on the way has it.
    link: `${baseUrl(request)}/password#${secret}`,
    linkExpiresAt: isoTime(expiresAt),
  });

  return new Elysia({ prefix: "/users", tags: ["Users"] })
    .use(who)
    .get(
      "",
      async ({ caller, query }) => {
        const { users, members } = caller.services;
        const { items, nextCursor } = await users.page(pageWish(query));
        return { items: await Promise.all(items.map((user) => userJson(user, members))), nextCursor };
      },
      {
        who: "server",
        query: t.Object(pageQuery),
        response: pageModel(userModel),
        detail: { summary: "List users, by e-mail address" },
      },
    )
    .post(
      "",
      async ({ caller, body, request, set }) => {
        const { teams = [], ...wanted } = body;
        const { users, members } = caller.services;
        const expiresAt = Date.now() + linkMaxAgeMs;
        const { user, linkSecret } = await users.invite(wanted, teams, linkMaxAgeMs);
        set.status = 201;
        return { ...(await userJson(user, members)), ...linkJson(request, linkSecret, expiresAt) };
      },
      {
        who: "server",
        body: newUserModel,
        response: { 201: invitedUserModel },
        detail: { summary: "Create a user, and a link with which to choose a password" },
      },
    )
    .get("/:id", async ({ caller, params }) => await shown(caller.services, params.id), {
      who: "server",
      params: userParams,
      response: userModel,
      detail: { summary: "Show a user" },
    })
    .patch(
      "/:id",
      async ({ caller, params, body }) => {
        const { users, members } = caller.services;
        const { teams, state, ...rest } = body;
        const change: UserChange = {
          ...rest,
          ...(state !== undefined && { isDisabled: state === "disabled" }),
        };
        if (Object.keys(body).length === 0)
          throw new Refusal("bad_request", "Nothing to change. Name what shall be otherwise.");
        return await userJson(await users.set(params.id, change, teams), members);
      },
      {
        who: "server",
        params: userParams,
        body: userChangeModel,
        response: userModel,
        detail: {
          summary: "Change a user, and in which teams the user is",
          description: "The last administrator cannot be disabled or made a member.",
        },
      },
    )
    .delete(
      "/:id",
      async ({ caller, params }) => {
        const json = await shown(caller.services, params.id);
        await caller.services.users.delete(json.id);
        return json;
      },
      {
        who: "server",
        params: userParams,
        response: userModel,
        detail: { summary: "Delete a user, with sign-ins and tokens" },
      },
    )
    .post(
      "/:id/reset-link",
      async ({ caller, params, request }) => {
        const { users } = caller.services;
        const user = await users.get(params.id);
        if (user.id === caller.facts.user?.id) throw forOneself();
        const expiresAt = Date.now() + linkMaxAgeMs;
        const secret = await users.createPasswordLink(user.id, linkMaxAgeMs);
        return { email: user.email, ...linkJson(request, secret, expiresAt) };
      },
      {
        who: "server",
        params: userParams,
        response: linkModel,
        detail: {
          summary: "Make a link with which a user can choose a new password",
          description:
            "Until it is used the old one counts. Links that were made before are void. Nobody gets one for themselves.",
        },
      },
    );
}

/** Otherwise whoever has somebody's session for a minute could have the account for good. */
function forOneself(): Refusal {
  return new Refusal(
    "forbidden",
    "For yourself there is no link here. Your account page changes your password; for a forgotten one, another administrator makes a link, or `larder user reset-link` on the server's machine.",
  );
}

async function shown({ users, members }: IdentityServices, emailOrId: string) {
  return await userJson(await users.get(emailOrId), members);
}
