import { Elysia } from "elysia";
import type { PurgeFilter } from "../cache/purge.ts";
import type { Team } from "../identity/teams.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import { purgedModel, purgeModel } from "./artifacts-model.ts";
import type { Caller } from "./caller.ts";
import { purgeFilter } from "./purge-filter.ts";
import { countPurgeFor, inPurgeTurn, purgeNow } from "./purge-now.ts";
import { bodyMoment } from "./span.ts";

type PurgeBody = typeof purgeModel.static;

/** `/purge`: takes many artifacts out at once. */
export function purgeRoutes({ who, database, cache, keepAlive }: AdminOptions) {
  const filterOf = async (caller: Caller, team: Team | undefined, body: PurgeBody): Promise<PurgeFilter> => {
    const { writtenBy, hash, scope, tool } = body;
    const usedBefore = momentOf(body, "usedBefore");
    const writtenAfter = momentOf(body, "writtenAfter");
    const writtenBefore = momentOf(body, "writtenBefore");
    if ((writtenAfter ?? 0) >= (writtenBefore ?? Number.POSITIVE_INFINITY))
      throw new Refusal("bad_request", "writtenAfter is not before writtenBefore. Change one of them.");
    const wish = { team, writtenBy, hash, scope, tool, usedBefore, writtenAfter, writtenBefore };
    return await purgeFilter(wish, { database, tokens: caller.services.tokens }, !caller.isServerAdmin);
  };

  return new Elysia({ tags: ["Artifacts"] }).use(who).post(
    "/purge",
    async ({ caller, body, request }) => {
      requireNarrowed(body);
      const team = body.team === null ? undefined : caller.team(body.team, "admin");
      if (!team) caller.requireServerAdmin();
      const turn = { caller, teamId: team?.id, keepAlive: () => keepAlive(request) };
      const totals = await inPurgeTurn(turn, async () => {
        const filter = await filterOf(caller, team, body);
        return body.dryRun
          ? await countPurgeFor(caller, database, filter)
          : await purgeNow({ cache, database }, filter, caller);
      });
      return { ...totals, dryRun: body.dryRun };
    },
    {
      who: "anybody",
      body: purgeModel,
      response: purgedModel,
      detail: {
        summary: "Take out artifacts of a team, or all that somebody wrote",
        description: "For a team it needs an owner, for all teams an administrator of the server.",
      },
    },
  );
}

function momentOf(
  body: PurgeBody,
  name: "usedBefore" | "writtenAfter" | "writtenBefore",
): number | undefined {
  const text = body[name];
  return text === undefined ? undefined : bodyMoment(name, text);
}

/** Nobody shall lose all for a field that was forgotten. @throws Refusal `bad_request`. */
function requireNarrowed({ team, tool, dryRun, all, ...narrowing }: PurgeBody): void {
  if (team === null && narrowing.writtenBy === undefined)
    throw new Refusal("bad_request", "Whose artifacts? Name a team, or who wrote them with writtenBy.");
  if (dryRun || all || Object.keys(narrowing).length > 0) return;
  // Most teams use one tool, whose artifacts are then all that there are.
  const whose = tool === undefined ? `team "${team}"` : `tool "${tool}" of team "${team}"`;
  throw new Refusal(
    "bad_request",
    `This would purge all artifacts of ${whose}. Say "all": true, or narrow it; with dryRun it only says what would go.`,
  );
}
