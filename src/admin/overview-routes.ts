import { Elysia, t } from "elysia";
import type { Notice } from "../notices/notice.ts";
import { usageSpan } from "../usage/usage-span.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { spanQuery, teamQuery } from "./model.ts";
import { RememberedOverviews } from "./remembered-overviews.ts";
import { spanOf } from "./span.ts";
import { overviewModel } from "./usage-model.ts";

const defaultAgeMs = 7 * 86_400_000;

/** `/overview`: what the cache saved, how full it is, and what is wrong. */
export function overviewRoutes(options: AdminOptions) {
  const { who, storageTotals, usageHistory, notices } = options;
  const overviews = new RememberedOverviews(usageHistory);
  return new Elysia({ tags: ["Overview"] }).use(who).get(
    "/overview",
    async ({ caller, query }) => {
      const now = Date.now();
      const { until = now, ...asked } = spanOf(query);
      const { since = until - defaultAgeMs } = asked;
      const teamIds = caller.teamIds(query.team);
      const filter = { span: usageSpan(since, until, now), ...(teamIds && { teamIds }) };
      const overview = await overviews.get(caller.turnOf(teamIds), filter, {
        byTeam: query.team === undefined,
      });
      const artifacts = await storageTotals.artifactsOf(teamIds);
      return {
        ...overview,
        storage: {
          ...(await serverFigures(caller, options)),
          artifacts,
          team: teamFigures(caller, query.team),
        },
        notices: noticesFor(caller, query.team, await notices.current()),
        hasArtifacts: artifacts > 0,
      };
    },
    {
      who: "anybody",
      query: t.Object({ ...teamQuery, ...spanQuery }),
      response: overviewModel,
      detail: {
        summary: "What the cache saved, how full it is, and what is wrong",
        description:
          "The last seven days, if not said. Times are widened to whole hours, beyond seven days to whole days (UTC). " +
          "The figures may be two seconds old.",
      },
    },
  );
}

async function serverFigures({ isServerAdmin }: Caller, { cache, storage, minFreeBytes }: AdminOptions) {
  if (!isServerAdmin)
    return {
      storedBytes: null,
      reservedBytes: null,
      maxSizeBytes: null,
      freeBytes: null,
      minFreeBytes: null,
    };
  const { storedBytes, reservedBytes, maxSizeBytes = null } = cache.capacity;
  return { storedBytes, reservedBytes, maxSizeBytes, freeBytes: await storage.freeBytes(), minFreeBytes };
}

function teamFigures(caller: Caller, slugOrId: string | undefined) {
  if (slugOrId === undefined) return null;
  const { usedBytes, quotaBytes } = caller.team(slugOrId, "read");
  return { usedBytes, quotaBytes };
}

/** The server's are for those who can mend it, and a team's for those who see the team. */
export function noticesFor(
  caller: Caller,
  slugOrId: string | undefined,
  all: readonly Notice[],
): (Notice & { teamId?: string })[] {
  const ids = new Map(caller.facts.grants.map(({ team }) => [team.slug, team.id]));
  const asked = slugOrId === undefined ? undefined : caller.team(slugOrId, "read").slug;
  return all.flatMap((notice) => {
    const { team } = notice;
    if (team === undefined) return caller.isServerAdmin ? [notice] : [];
    const teamId = ids.get(team);
    return teamId === undefined || (asked ?? team) !== team ? [] : [{ ...notice, teamId }];
  });
}
