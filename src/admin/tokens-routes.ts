import { Elysia, t } from "elysia";
import { artifactsWrittenBy } from "../cache/totals.ts";
import type { Database } from "../database/database.ts";
import { requireNotBlocked } from "../identity/access.ts";
import { readTokenReach } from "../identity/token-reach.ts";
import { examineSecret, type FoundToken } from "../identity/token-report.ts";
import { tokenStates } from "../identity/token-state.ts";
import { allows, type Token, type TokenFilter, type TokenHolder } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { linesOf } from "./connect-lines.ts";
import { idParams, nameModel, oneOf, pageModel, pageQuery, pageWish } from "./model.ts";
import { inPurgeTurn, purgeNow } from "./purge-now.ts";
import { bodyMoment } from "./span.ts";
import { tokenJson } from "./token-json.ts";
import {
  createdTokenModel,
  newTokenModel,
  revokedTokenModel,
  shownTokenModel,
  tokenModel,
  tokenReportModel,
} from "./tokens-model.ts";

/** Of what is tested, which may be something else than a secret: a CI job's token is longer. */
const maxTestedLength = 64 * 1024;

/** `/tokens`: those of the teams that one looks after, and one's own. */
export function tokensRoutes({ who, database, cache, baseUrl, keepAlive }: AdminOptions) {
  return new Elysia({ prefix: "/tokens", tags: ["Tokens"] })
    .use(who)
    .get(
      "",
      async ({ caller, query }) => {
        const state = query.state === undefined ? {} : { state: query.state };
        const page = await caller.services.tokens.page(
          { ...whose(caller, query.team), ...state },
          pageWish(query),
        );
        return { ...page, items: page.items.map(tokenJson) };
      },
      {
        who: "anybody",
        query: t.Object({
          team: t.Optional(
            nameModel({
              minLength: 1,
              description:
                "Slug or id of a team, whose tokens an owner may see. Without it: to administrators of the server all that there are, to other users their own, to a team's token that team's",
            }),
          ),
          state: t.Optional(oneOf(tokenStates)),
          ...pageQuery,
        }),
        response: pageModel(tokenModel),
        detail: { summary: "List tokens, newest first, without their secrets" },
      },
    )
    .post(
      "",
      async ({ caller, body, request, set }) => {
        const holder =
          body.team === null ? ownHolder(caller, body.permission) : teamHolder(caller, body.team);
        const { name, permission, scope } = body;
        const expiresAt = caller.lastEnd(body.expiresAt ? bodyMoment("expiresAt", body.expiresAt) : null);
        const { secret, ...token } = await caller.services.tokens.create({
          ...holder,
          name,
          permission,
          ...(scope !== undefined && { scope }),
          ...(expiresAt !== null && { expiresAt }),
        });
        set.status = 201;
        const teamSlug = token.teamSlug ?? caller.facts.grants[0]?.team.slug ?? "default";
        const connection = { url: baseUrl(request), networkUrls: [], teamSlug, token: secret };
        return { ...tokenJson(token), secret, lines: linesOf.turbo(connection) };
      },
      {
        who: "anybody",
        body: newTokenModel,
        response: { 201: createdTokenModel },
        detail: {
          summary: "Create a token",
          description:
            "For a team it needs an owner. The secret is shown this once. Asked for with a token, it ends no later than that one, whatever was wished.",
        },
      },
    )
    .post(
      "/test",
      async ({ caller, body }) => {
        const { services } = caller;
        // Who has the secret of a token may know what that token is.
        const mayKnow = (token: Token) => token.id === caller.facts.token?.id || maySee(caller, token);
        const { found, problem } = await examineSecret(body.secret.trim(), services, database, mayKnow);
        return {
          problem: problem ?? null,
          token: found ? await shownJson(caller, database, found) : null,
        };
      },
      {
        who: "anybody",
        body: t.Object(
          { secret: t.String({ maxLength: maxTestedLength, description: "Of the token" }) },
          { additionalProperties: false },
        ),
        response: tokenReportModel,
        detail: {
          summary: "Whose secret it is, and whether it counts",
          description:
            "One that is of nobody, and one of whom the caller may not know, are answered alike. Every token may be asked about itself. It is no use of the token, and nothing is kept.",
        },
      },
    )
    .get(
      "/:id",
      async ({ caller, params }) => {
        const token = await visible(caller, params.id);
        const reach = await readTokenReach(database, token);
        return await shownJson(caller, database, { token, reach });
      },
      {
        who: "anybody",
        params: idParams,
        response: shownTokenModel,
        detail: { summary: "Show a token, where it may act, and how much of what it wrote is kept" },
      },
    )
    .delete(
      "/:id",
      async ({ caller, params, query, request }) => {
        const { id, teamId } = await visible(caller, params.id);
        // It may have written in any team of its user.
        if (query.purge && teamId === null) caller.requireServerAdmin();
        const token = await caller.services.tokens.revoke(id);
        if (!query.purge) return tokenJson(token);
        // Nothing comes after: an upload under way asks again before it is kept.
        const filter = { writtenBy: [id], ...(teamId !== null && { teamId }) };
        const turn = { caller, teamId: teamId ?? undefined, keepAlive: () => keepAlive(request) };
        const purged = await inPurgeTurn(turn, () => purgeNow({ cache, database }, filter, caller));
        return { ...tokenJson(token), purged };
      },
      {
        who: "anybody",
        params: idParams,
        query: t.Object({
          purge: t.Optional(t.BooleanString({ description: "Also take out all that it wrote" })),
        }),
        response: revokedTokenModel,
        detail: {
          summary: "Revoke a token at once",
          description: "Revoking twice is fine, and so is asking again where a purge did not get its turn.",
        },
      },
    );
}

/** Which tokens a list is about. */
function whose(caller: Caller, team: string | undefined): TokenFilter {
  if (team !== undefined) return { teamIds: [caller.team(team, "admin").id] };
  if (caller.isServerAdmin) return {};
  const { user, grants } = caller.facts;
  if (user) return { userId: user.id };
  return { teamIds: grants.map((grant) => caller.team(grant.team.id, "admin").id) };
}

function teamHolder(caller: Caller, slugOrId: string): TokenHolder {
  const team = caller.team(slugOrId, "admin");
  requireNotBlocked(team);
  return { teamId: team.id };
}

/** One's own may be made in a browser, or with a token that may as much already. @throws Refusal `forbidden`. */
function ownHolder({ facts }: Caller, permission: Token["permission"]): TokenHolder {
  if (!facts.user)
    throw new Refusal("forbidden", "This token is of no user. Name the team that the new one shall be for.");
  // What is passed on must not be more, nor live longer: only who may everything may make another.
  if (!allows(facts.permission, "admin") || !allows(facts.permission, permission))
    throw new Refusal(
      "forbidden",
      "Only a token with permission admin makes others. Sign in in a browser instead.",
    );
  return { userId: facts.user.id };
}

/**
 * One that the caller may see.
 * @throws Refusal `not_found`, the same whether there is another's or none, and `forbidden` for a token of one's own, asked for
 *   with one that may less than its user.
 */
async function visible(caller: Caller, id: string): Promise<Token> {
  const token = await caller.services.tokens.findById(id);
  if (token && maySee(caller, token)) return token;
  if (token && isOwn(caller, token))
    throw new Refusal(
      "forbidden",
      "This needs a token with permission admin, or a browser in which you are signed in.",
    );
  throw new Refusal(
    "not_found",
    "You have no such token, or there is none. GET /api/v1/tokens lists those that you may see.",
  );
}

function maySee(caller: Caller, token: Token): boolean {
  if (isOwn(caller, token)) return allows(caller.facts.permission, "admin");
  return caller.isServerAdmin || caller.may(token.teamId, "admin");
}

function isOwn({ facts }: Caller, { userId }: Token): boolean {
  return userId !== null && userId === facts.user?.id;
}

/** With where it may act, and how much of what it wrote is kept. */
async function shownJson(caller: Caller, database: Database, { token, reach }: FoundToken) {
  const json = tokenJson(token);
  return {
    ...json,
    // Who made it is told by the e-mail address.
    createdBy: token.teamId === null || caller.knowsPeopleOf(token.teamId) ? json.createdBy : null,
    artifacts: await artifactsWrittenBy(database, token.id),
    teams: reach.teams.map(({ teamId, slug, permission }) => ({ team: slug, teamId, permission })),
  };
}
