import { Elysia, t } from "elysia";
import { teamStates } from "../identity/teams.ts";
import { version } from "../version.ts";
import type { AdminOptions } from "./admin.ts";
import { oneOf, permissionModel } from "./model.ts";

const meModel = t.Object({
  kind: oneOf(["user", "token"], {
    description: "user: signed in in a browser; token: asked with a token",
  }),
  user: t.Nullable(t.Object({ id: t.String(), email: t.String(), name: t.String() }), {
    description: "null for a token that is of no user",
  }),
  token: t.Nullable(t.Object({ id: t.Nullable(t.String()), name: t.String() })),
  isServerAdmin: t.Boolean({ description: "Whether everything on the server is allowed" }),
  csrfToken: t.Nullable(t.String(), {
    description: "In a browser: to be sent back in the header x-csrf-token with all that changes something",
  }),
  teams: t.Array(
    t.Object({
      id: t.String(),
      slug: t.String(),
      name: t.String(),
      state: oneOf(teamStates),
      permission: permissionModel,
    }),
  ),
  version: t.String({ description: "Of the server" }),
});

/** `/me`: who asks, and where he may do what. */
export function meRoutes({ who }: AdminOptions) {
  return new Elysia({ tags: ["Me"] }).use(who).get(
    "/me",
    ({ caller: { facts } }) => ({
      kind: facts.kind,
      user: facts.user,
      token: facts.token,
      isServerAdmin: facts.isServerAdmin,
      csrfToken: facts.csrfToken,
      teams: facts.grants.map(({ team: { id, slug, name, state }, permission }) => ({
        id,
        slug,
        name,
        state,
        permission,
      })),
      version,
    }),
    {
      who: "anybody",
      response: meModel,
      detail: { summary: "Who asks, and what is allowed in which team" },
    },
  );
}
