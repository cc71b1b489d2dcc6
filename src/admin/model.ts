import { type TSchema, t } from "elysia";
import { memberRoles } from "../identity/members.ts";
import { permissions } from "../identity/tokens.ts";

/* What the API's models have in common. */

/** One of some words. Elysia's own `t.UnionEnum` (1.4) takes the first of them for whatever a request leaves out. */
export function oneOf<const Word extends string>(
  words: readonly [Word, ...Word[]],
  options: { description?: string } = {},
) {
  const model = t.UnionEnum(words, options);
  delete model.default;
  return model;
}

/**
 * How long a text of a request may be. Each place knows for itself what it takes; this keeps what is none of that from being
 * looked through, written to a log, or given back in a message.
 */
export const maxNameLength = 300;
export const maxTextLength = 2_000;

/** Of what has a name: a team, a user, a tool, or a thing by its id. */
export function nameModel(options: { description?: string; minLength?: number; examples?: string[] } = {}) {
  return t.String({ ...options, maxLength: maxNameLength });
}

export const isoTimeModel = t.String({ format: "date-time", maxLength: 40 });
export const permissionModel = oneOf(permissions, {
  description: "admin may all that write may, and write all that read may",
});
export const memberRoleModel = oneOf(memberRoles, {
  description: "An owner may all that a member may, and a member all that a viewer may",
});

/** Whatever went wrong, with any status from 400 on. */
export const errorModel = t.Object({
  code: t.String({ description: "For programs, such as wrong_team" }),
  message: t.String({ description: "For people: what is wrong, and what to do" }),
  error: t.Object({ code: t.String(), message: t.String() }, { description: "The same once more" }),
});

/** The path names a team. */
export const teamParams = t.Object({ team: nameModel({ description: "Slug or id of the team" }) });
export const userParams = t.Object({ id: nameModel({ description: "E-mail address or id of the user" }) });
/** Of what is numbered. */
export const numberParams = t.Object({
  id: t.Integer({ title: "id", minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export const idParams = t.Object({ id: nameModel() });

export const teamQuery = {
  team: t.Optional(
    nameModel({ minLength: 1, description: "Slug or id of a team; without it, all that one may see" }),
  ),
};

/** From when to when. */
export const spanQuery = {
  since: t.Optional(
    nameModel({ description: "From then on: 7d (ago), or 2026-11-20T10:00:00Z", examples: ["7d"] }),
  ),
  until: t.Optional(nameModel({ description: "Before then" })),
};

const defaultLimit = 50;

/** How much of a list, and from where on. */
export const pageQuery = {
  limit: t.Optional(
    t.Integer({
      title: "limit",
      minimum: 1,
      maximum: 200,
      description: `How many at most; ${defaultLimit}, if not said`,
    }),
  ),
  cursor: t.Optional(
    t.String({ maxLength: maxTextLength, description: "The nextCursor of the page before" }),
  ),
};

export function pageModel<Item extends TSchema>(item: Item) {
  return t.Object({
    items: t.Array(item),
    nextCursor: t.Nullable(t.String(), { description: "Where the next page begins; null on the last" }),
  });
}

/** Which page a query asks for. */
export function pageWish({ limit = defaultLimit, cursor }: { limit?: number; cursor?: string }) {
  return { limit, cursor };
}
