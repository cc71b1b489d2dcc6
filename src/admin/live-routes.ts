import { Elysia, t } from "elysia";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import type { Sight } from "./live-feed.ts";
import { teamQuery } from "./model.ts";
import { noticesFor, teamIdsOf } from "./overview.ts";

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Otherwise nginx would keep the events until there are many.
  "x-accel-buffering": "no",
};

/** `/live`: what happens, as it happens. */
export function liveRoutes({ who, admission, liveFeed, keepAlive }: AdminOptions) {
  const sightOf = (caller: Caller, team: string | undefined): Sight => {
    const view = caller.view(team);
    return { teamIds: teamIdsOf(view), noticesOf: (all) => noticesFor(view, all) };
  };

  return new Elysia({ tags: ["Overview"] }).use(who).get(
    "/live",
    ({ caller, query, request }) => {
      const sight = sightOf(caller, query.team);
      // The server leaves the body of an answer to HEAD unread, and this one would never end.
      if (request.method === "HEAD") return new Response(null, { headers });
      const lookAgain = async () => {
        const now = await admission.lookAgain(request);
        return now && sightOf(now, query.team);
      };
      const stream = liveFeed.open({
        owner: caller.owner,
        ...(caller.facts.user === null &&
          caller.facts.grants[0] && { group: caller.facts.grants[0].team.id }),
        isServerAdmin: caller.isServerAdmin,
        sight,
        lookAgain,
        keepAlive: () => keepAlive(request),
      });
      return new Response(stream, { headers });
    },
    {
      who: "anybody",
      query: t.Object(teamQuery),
      detail: {
        summary: "What happens, as it happens",
        description:
          "Server-sent events that say what to ask for anew: `usage` (the figures have changed; an empty object), `runs` (`ids` of " +
          "those that are new or have changed, null for more than 100), and `notices` (all of them, at first and when they " +
          "change). None comes more often than once a second. At most 8 streams at a time for one caller, 40 for all tokens of a team, and 200 in all.",
        responses: {
          200: {
            description: "The events, until the server stops or the caller may see them no more",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
        },
      },
    },
  );
}
