import { Elysia, t } from "elysia";
import { auditKinds, auditThings } from "../audit/audit-kinds.ts";
import { AuditLog } from "../audit/audit-log.ts";
import { auditFilter } from "../identity/audit-filter.ts";
import type { AdminOptions } from "./admin.ts";
import { auditJson } from "./audit-json.ts";
import { isoTimeModel, nameModel, oneOf, pageModel, pageQuery, pageWish, spanQuery } from "./model.ts";
import { spanOf } from "./span.ts";

const auditModel = t.Object({
  id: t.Number(),
  createdAt: isoTimeModel,
  kind: t.String({ description: "What was done, such as token.revoke" }),
  actorKind: t.String({
    description: "What kind of actor it was: user, token, command, server or anonymous",
  }),
  actorId: t.Nullable(t.String()),
  actorName: t.String(),
  address: t.Nullable(t.String(), { description: "From where, as far as that is known" }),
  teamId: t.Nullable(t.String()),
  target: t.Nullable(t.String(), { description: "What it was done to: an id, an e-mail, a slug or a hash" }),
  details: t.Nullable(t.Record(t.String(), t.Unknown())),
});

const kinds = [...auditThings, ...auditKinds] as string[] as [string, ...string[]];

/** `/audit`: who did what. */
export function auditRoutes({ who, database }: AdminOptions) {
  return new Elysia({ tags: ["Audit"] }).use(who).get(
    "/audit",
    async ({ caller, query }) => {
      const { team, kind, actor, target } = query;
      if (team === undefined || !caller.isServerAdmin) {
        // One that has been deleted is known to the log, and to administrators of the server.
        if (team === undefined) caller.requireServerAdmin();
        else caller.team(team, "admin");
      }
      const span = spanOf(query);
      const filter = await auditFilter(
        { ...span, team, kind, actor, target },
        database,
        caller.services.teams,
      );
      const { items, nextCursor } = await new AuditLog(database).list(filter, pageWish(query));
      return { items: items.map(auditJson), nextCursor };
    },
    {
      who: "anybody",
      query: t.Object({
        team: t.Optional(
          nameModel({ minLength: 1, description: "Slug or id of a team; an owner has to name one" }),
        ),
        kind: t.Optional(
          oneOf(kinds, {
            description: "token.revoke, or token for all that is done with tokens",
          }),
        ),
        actor: t.Optional(
          nameModel({
            description:
              "A user (e-mail or id), with all the user's tokens; or a token (id, or a name without an @); or a kind of actor",
          }),
        ),
        target: t.Optional(nameModel({ description: "An id, an e-mail, a slug or a hash" })),
        ...spanQuery,
        ...pageQuery,
      }),
      response: pageModel(auditModel),
      detail: {
        summary: "Who did what, newest first",
        description: "Administrators of the server see everything, an owner what concerns his team.",
      },
    },
  );
}
