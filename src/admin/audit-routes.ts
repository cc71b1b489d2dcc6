import { Elysia, t } from "elysia";
import { auditKinds, auditThings } from "../audit/audit-kinds.ts";
import { AuditLog } from "../audit/audit-log.ts";
import { Turns } from "../http/turns.ts";
import { auditFilter } from "../identity/audit-filter.ts";
import type { AdminOptions } from "./admin.ts";
import { auditJson } from "./audit-json.ts";
import type { Caller } from "./caller.ts";
import { isoTimeModel, nameModel, oneOf, pageModel, pageQuery, pageWish, spanQuery } from "./model.ts";
import { spanOf } from "./span.ts";

const auditModel = t.Object({
  id: t.Number(),
  createdAt: isoTimeModel,
  kind: t.String({ description: "What was done, such as token.revoke" }),
  actorKind: t.String({
    description:
      "What kind of actor it was: user, token, job (of a CI service), command, server or anonymous",
  }),
  actorId: t.Nullable(t.String()),
  actorName: t.String(),
  address: t.Nullable(t.String(), { description: "From where, as far as that is known" }),
  teamId: t.Nullable(t.String()),
  target: t.Nullable(t.String(), { description: "What it was done to: an id, an e-mail, a slug or a hash" }),
  details: t.Nullable(t.Record(t.String(), t.Unknown())),
});

/** What is seldom lies behind half a million rows: a hundred who look for it at once would hold up everybody's requests. */
const turns = new Turns({ atOnce: 1, maxWaiting: 50, maxWaitMs: 30_000 });

const kinds = [...auditThings, ...auditKinds] as string[] as [string, ...string[]];

/** `/audit`: who did what. */
export function auditRoutes({ who, database }: AdminOptions) {
  return new Elysia({ tags: ["Audit"] }).use(who).get(
    "/audit",
    async ({ caller, query }) => {
      const { team, kind, notKind, actor, target } = query;
      const whoseTurn = requireLog(caller, team);
      const wish = { ...spanOf(query), team, kind, notKind, actor, target };
      const { items, nextCursor } = await turns.take(whoseTurn, async () => {
        const filter = await auditFilter(wish, database, caller.services.teams);
        return await new AuditLog(database).list(filter, pageWish(query));
      });
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
        notKind: t.Optional(
          oneOf(kinds, {
            description: "What to leave out, named like kind: artifact.write for all but uploads",
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

/**
 * One that has been deleted is known to the log, and to administrators of the server.
 * @returns whose searches wait for each other: a team's, whatever its tokens, or an administrator's.
 * @throws Refusal as `Caller.team`, and `forbidden` where no team is named.
 */
function requireLog(caller: Caller, team: string | undefined): string {
  if (team === undefined) caller.requireServerAdmin();
  return caller.isServerAdmin || team === undefined ? caller.owner : caller.team(team, "admin").id;
}
