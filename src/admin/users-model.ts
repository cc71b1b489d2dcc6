import { t } from "elysia";
import { userRoles } from "../identity/users.ts";
import { isoTimeModel, memberRoleModel, nameModel, oneOf } from "./model.ts";
import { userStates } from "./user-json.ts";

const roleModel = oneOf(userRoles, { description: "On the whole server: an admin may do everything" });

export const userModel = t.Object({
  id: t.String(),
  email: t.String(),
  name: t.String(),
  role: roleModel,
  state: oneOf(userStates),
  hasPassword: t.Boolean(),
  oidcIssuer: t.Nullable(t.String(), { description: "Who vouches for the user, if it is single sign-on" }),
  teams: t.Array(
    t.Object({ team: t.String({ description: "Slug" }), teamId: t.String(), role: memberRoleModel }),
  ),
  createdAt: isoTimeModel,
  lastSignInAt: t.Nullable(isoTimeModel),
});

const linkProperties = {
  link: t.String({ description: "With it the user chooses a password, once. Shown here and nowhere else" }),
  linkExpiresAt: isoTimeModel,
};

export const linkModel = t.Object({ email: t.String(), ...linkProperties });
export const invitedUserModel = t.Object({ ...userModel.properties, ...linkProperties });

export const newUserModel = t.Object(
  {
    email: nameModel({ description: "To sign in with" }),
    name: t.Optional(nameModel({ description: "For people; what is before the @, if not said" })),
    role: t.Optional(roleModel),
    teams: t.Optional(
      t.Array(t.Object({ team: nameModel(), role: memberRoleModel }, { additionalProperties: false }), {
        maxItems: 1_000,
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ email: "ann@example.org", teams: [{ team: "web", role: "owner" }] }],
  },
);

export const userChangeModel = t.Object(
  {
    email: t.Optional(nameModel()),
    name: t.Optional(nameModel()),
    role: t.Optional(roleModel),
    state: t.Optional(oneOf(userStates, { description: "Whoever is disabled is signed out everywhere" })),
    teams: t.Optional(
      t.Array(
        t.Object({ team: nameModel(), role: t.Nullable(memberRoleModel) }, { additionalProperties: false }),
        { maxItems: 1_000, description: "Roles that change; null to leave that team" },
      ),
    ),
  },
  { additionalProperties: false, examples: [{ state: "disabled" }] },
);

export const memberModel = t.Object({
  userId: t.String(),
  email: t.String(),
  name: t.String(),
  role: memberRoleModel,
  source: oneOf(["manual", "oidc"], {
    description: "oidc: came with single sign-on, and goes with it",
  }),
  state: oneOf(userStates),
});
