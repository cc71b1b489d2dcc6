import { Elysia, t } from "elysia";
import type { Notice } from "../notices/notice.ts";
import { usageSpan } from "../usage/usage-span.ts";
import type { AdminOptions } from "./admin.ts";
import type { Asker } from "./asker.ts";
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
    async ({ asker, query }) => {
      const now = Date.now();
      const { until = now, ...asked } = spanOf(query);
      const { since = until - defaultAgeMs } = asked;
      const teamIds = asker.teamIds(query.team);
      const filter = { span: usageSpan(since, until, now), ...(teamIds && { teamIds }) };
      const overview = await overviews.get(filter, { byTeam: query.team === undefined });
      const artifacts = await storageTotals.artifactsOf(teamIds);
      return {
        ...overview,
        storage: {
          ...(await serverFigures(asker, options)),
          artifacts,
          team: teamFigures(asker, query.team),
        },
        notices: noticesFor(asker, query.team, await notices.current()),
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

async function serverFigures({ isServerAdmin }: Asker, { cache, storage, minFreeBytes }: AdminOptions) {
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

function teamFigures(asker: Asker, slugOrId: string | undefined) {
  if (slugOrId === undefined) return null;
  const { usedBytes, quotaBytes } = asker.team(slugOrId, "read");
  return { usedBytes, quotaBytes };
}

/** The server's are for those who can mend it, and a team's for those who see the team. */
export function noticesFor(
  asker: Asker,
  slugOrId: string | undefined,
  all: readonly Notice[],
): (Notice & { teamId?: string })[] {
  const ids = new Map(asker.facts.grants.map(({ team }) => [team.slug, team.id]));
  const asked = slugOrId === undefined ? undefined : asker.team(slugOrId, "read").slug;
  return all.flatMap((notice) => {
    const { team } = notice;
    if (team === undefined) return asker.isServerAdmin ? [notice] : [];
    const teamId = ids.get(team);
    return teamId === undefined || (asked ?? team) !== team ? [] : [{ ...notice, teamId }];
  });
}
