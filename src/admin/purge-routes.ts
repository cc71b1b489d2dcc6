import { Elysia } from "elysia";
import type { PurgeFilter, Writers } from "../cache/purge.ts";
import { writersNamed } from "../identity/named-writers.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import { purgedModel, purgeModel } from "./artifacts-model.ts";
import type { Asker } from "./asker.ts";
import { countPurgeFor, purgeNow } from "./purge-now.ts";
import { bodyMoment } from "./span.ts";

type PurgeWish = typeof purgeModel.static;

/** `/purge`: takes many artifacts out at once. */
export function purgeRoutes({ who, database, cache, keepAlive }: AdminOptions) {
  const filterOf = async (asker: Asker, wish: PurgeWish): Promise<PurgeFilter> => {
    const { hash, scope, tool, writtenAfter, writtenBefore, usedBefore } = wish;
    const team = wish.team === null ? undefined : asker.team(wish.team, "admin");
    if (!team) asker.requireServerAdmin();
    const narrowing = {
      ...(hash !== undefined && { hash }),
      ...(scope !== undefined && { scope }),
      ...(tool !== undefined && { tool }),
      ...(usedBefore !== undefined && { usedBefore: bodyMoment("usedBefore", usedBefore) }),
      ...(writtenAfter !== undefined && {
        writtenAfter: bodyMoment("writtenAfter", writtenAfter),
      }),
      ...(writtenBefore !== undefined && {
        writtenBefore: bodyMoment("writtenBefore", writtenBefore),
      }),
    };
    if ((narrowing.writtenAfter ?? 0) >= (narrowing.writtenBefore ?? Number.POSITIVE_INFINITY))
      throw new Refusal("bad_request", "writtenAfter is not before writtenBefore. Change one of them.");
    const { tokens } = asker.services;
    const writtenBy =
      wish.writtenBy === undefined ? undefined : await writersNamed(wish.writtenBy, team, database, tokens);
    if (team) return { ...narrowing, teamId: team.id, ...(writtenBy !== undefined && { writtenBy }) };
    return { ...narrowing, writtenBy: writtenBy as Writers };
  };

  return new Elysia({ tags: ["Artifacts"] }).use(who).post(
    "/purge",
    async ({ asker, body, request }) => {
      requireNarrowed(body);
      const filter = await filterOf(asker, body);
      const totals = body.dryRun
        ? await countPurgeFor(asker, database, filter)
        : await purgeNow({ cache, database }, filter, asker, () => keepAlive(request));
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

/** Nobody shall lose all for a field that was forgotten. @throws Refusal `bad_request`. */
function requireNarrowed({ team, tool, dryRun, all, ...narrowing }: PurgeWish): void {
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
