import { Elysia, t } from "elysia";
import { Turns } from "../http/turns.ts";
import { Refusal } from "../refusal.ts";
import type { Run } from "../usage/runs.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { nameModel, numberParams, pageModel, pageQuery, pageWish, spanQuery, teamQuery } from "./model.ts";
import { runEventJson, runJson } from "./run-json.ts";
import { spanOf } from "./span.ts";
import { runEventModel, runModel } from "./usage-model.ts";

/**
 * What is seldom lies behind a million runs: a hundred who look for it at once would hold up everybody's requests. A team's
 * pages, which all ask when a run begins, leave their places in milliseconds.
 */
const turns = new Turns({ atOnce: 1, maxWaiting: 500, maxWaitMs: 30_000 });

/** `/runs`: what clients did, one run at a time. */
export function runsRoutes({ who, runs }: AdminOptions) {
  const find = async (caller: Caller, id: number): Promise<Run> => {
    const run = await runs.get(id);
    if (run && (caller.isServerAdmin || caller.may(run.teamId, "read"))) return run;
    throw new Refusal("not_found", "There is no such run (any more) that you may see.");
  };

  return new Elysia({ prefix: "/runs", tags: ["Runs"] })
    .use(who)
    .get(
      "",
      async ({ caller, query }) => {
        const { team, tool, origin } = query;
        const teamIds = caller.teamIds(team);
        const filter = {
          ...(teamIds && { teamIds }),
          ...(tool !== undefined && { tool }),
          ...(origin !== undefined && { origin }),
          ...spanOf(query),
        };
        const { items, nextCursor } = await turns.take(caller.turnOf(teamIds), () =>
          runs.list(filter, pageWish(query)),
        );
        return { items: items.map((run) => runJson(run, caller)), nextCursor };
      },
      {
        who: "anybody",
        query: t.Object({
          ...teamQuery,
          tool: t.Optional(nameModel({ description: "Such as turbo" })),
          origin: t.Optional(
            nameModel({ description: "Id of a token or a policy, or a kind of origins, such as policy" }),
          ),
          ...spanQuery,
          ...pageQuery,
        }),
        response: pageModel(runModel),
        detail: { summary: "List runs, newest first" },
      },
    )
    .get("/:id", async ({ caller, params }) => runJson(await find(caller, params.id), caller), {
      who: "anybody",
      params: numberParams,
      response: runModel,
      detail: { summary: "Show a run" },
    })
    .get(
      "/:id/events",
      async ({ caller, params, query }) => {
        const wish = pageWish(query);
        const { items, nextCursor } = await runs.events(await find(caller, params.id), wish);
        return { items: items.map(runEventJson), nextCursor };
      },
      {
        who: "anybody",
        params: numberParams,
        query: t.Object(pageQuery),
        response: pageModel(runEventModel),
        detail: { summary: "List what happened in a run, oldest first" },
      },
    );
}
