import { Elysia, t } from "elysia";
import { usageSpan } from "../usage/usage-span.ts";
import type { AdminOptions } from "./admin.ts";
import { spanQuery, teamQuery } from "./model.ts";
import { overviewOf, teamIdsOf } from "./overview.ts";
import { RememberedOverviews } from "./remembered-overviews.ts";
import { spanOf } from "./span.ts";
import { overviewModel } from "./usage-model.ts";

const defaultAgeMs = 7 * 86_400_000;

/** `/overview`: what the cache saved, how full it is, and what is wrong. */
export function overviewRoutes(options: AdminOptions) {
  const { who, usageHistory } = options;
  const overviews = new RememberedOverviews(usageHistory);
  return new Elysia({ tags: ["Overview"] }).use(who).get(
    "/overview",
    async ({ caller, query }) => {
      const now = Date.now();
      const { until = now, ...asked } = spanOf(query);
      const { since = until - defaultAgeMs } = asked;
      const view = caller.view(query.team);
      const teamIds = teamIdsOf(view);
      const filter = { span: usageSpan(since, until, now), ...(teamIds && { teamIds }) };
      const usage = await overviews.get(caller.turnOf(teamIds), filter, { byTeam: !view.team });
      return await overviewOf(options, usage, view);
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
