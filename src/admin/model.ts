import { t } from "elysia";
import { memberRoles } from "../identity/members.ts";
import { permissions } from "../identity/tokens.ts";

/* What the API's models have in common. */

export const isoTimeModel = t.String({ format: "date-time" });
export const permissionModel = t.UnionEnum(permissions, {
  description: "admin may all that write may, and write all that read may",
});
export const memberRoleModel = t.UnionEnum(memberRoles, {
  description: "An owner may all that a member may, and a member all that a viewer may",
});

/** Whatever went wrong, with any status from 400 on. */
export const errorModel = t.Object({
  code: t.String({ description: "For programs, such as wrong_team" }),
  message: t.String({ description: "For people: what is wrong, and what to do" }),
  error: t.Object({ code: t.String(), message: t.String() }, { description: "The same once more" }),
});

/** The path names a team. */
export const teamParams = t.Object({ team: t.String({ description: "Slug or id of the team" }) });
export const idParams = t.Object({ id: t.String() });

export const teamQuery = {
  team: t.Optional(
    t.String({ minLength: 1, description: "Slug or id of a team; without it, all that one may see" }),
  ),
};
