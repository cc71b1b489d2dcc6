import { Elysia, t } from "elysia";
import { Refusal } from "../refusal.ts";
import { tools } from "../tools.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { ciLines } from "./ci-lines.ts";
import { linesOf } from "./connect-lines.ts";
import { nameModel } from "./model.ts";
import { linesModel } from "./tokens-model.ts";

const connectModel = t.Object({
  url: t.String({ description: "Of this server, for clients" }),
  team: t.String({ description: "Slug" }),
  teamId: t.String(),
  tools: t.Array(
    t.Object({
      tool: t.String({ description: "Such as turbo" }),
      title: t.String({ description: "Such as Turborepo" }),
      lines: linesModel,
    }),
  ),
  ci: t.Array(linesModel.items, {
    description:
      "For the jobs that the team's CI policies take; empty for who is no owner, and without policies",
  }),
});

/** `/connect`: what to paste into a repository so that it uses this larder. */
export function connectRoutes({ who, baseUrl }: AdminOptions) {
  return new Elysia({ tags: ["Connect"] }).use(who).get(
    "/connect",
    async ({ caller, query, request }) => {
      const { slug: team, id: teamId } = teamOf(caller, query.team);
      const url = baseUrl(request);
      // Whoever only uses a team need not know whom it trusts.
      const policies = caller.may(teamId, "admin") ? await caller.services.policies.list({ teamId }) : [];
      return {
        url,
        team,
        teamId,
        tools: tools.map(({ name, title }) => ({
          tool: name,
          title,
          lines: linesOf[name]({ url, networkUrls: [], teamSlug: team }),
        })),
        ci: ciLines(policies, url),
      };
    },
    {
      who: "anybody",
      query: t.Object({
        team: t.Optional(
          nameModel({ minLength: 1, description: "Slug or id; without it, the first that one may see" }),
        ),
      }),
      response: connectModel,
      detail: {
        summary: "What to paste where, for each tool",
        description:
          "The place of the token is left as <your token>; POST /tokens gives the same lines with it.",
      },
    },
  );
}

function teamOf(caller: Caller, slugOrId: string | undefined): { slug: string; id: string } {
  if (slugOrId !== undefined) return caller.team(slugOrId, "read");
  const { grants } = caller.facts;
  const grant = grants.find(({ team }) => team.slug === "default") ?? grants[0];
  if (grant !== undefined) return grant.team;
  throw new Refusal("not_found", "You are in no team yet. Ask an owner of one to add you.");
}
