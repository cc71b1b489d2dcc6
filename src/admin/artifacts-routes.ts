import { Elysia, t } from "elysia";
import type { ListedArtifact } from "../cache/artifact-list.ts";
import { shortestHashPrefix } from "../cache/artifact-list.ts";
import { artifactSorts } from "../cache/artifact-order.ts";
import { requireEnabled } from "../identity/access.ts";
import type { Team } from "../identity/teams.ts";
import { Refusal } from "../refusal.ts";
import { toolNamed } from "../tools.ts";
import type { AdminOptions } from "./admin.ts";
import { artifactJson } from "./artifact-json.ts";
import { artifactModel, shownArtifactModel } from "./artifacts-model.ts";
import type { Caller, TeamRight } from "./caller.ts";
import { nameModel, numberParams, oneOf, pageModel, pageQuery, pageWish, teamQuery } from "./model.ts";

/** `/artifacts`: what is stored, in every scope. */
export function artifactsRoutes({ who, cache, artifactList }: AdminOptions) {
  const find = async (
    caller: Caller,
    id: number,
    needed: TeamRight,
  ): Promise<{ artifact: ListedArtifact; team: Team }> => {
    const artifact = await artifactList.find(id);
    if (artifact && (caller.isServerAdmin || caller.may(artifact.teamId, "read")))
      return { artifact, team: caller.team(artifact.teamId, needed) };
    throw new Refusal("not_found", "There is no such artifact (any more) that you may see.");
  };

  return new Elysia({ prefix: "/artifacts", tags: ["Artifacts"] })
    .use(who)
    .get(
      "",
      async ({ caller, query }) => {
        const { team, tool, scope, hash, sort = "used", order = "desc" } = query;
        const filter = { teamIds: caller.teamIds(team), tool, scope, hashPrefix: hash };
        const wanted = { sort, isDescending: order === "desc" };
        const page = await artifactList.page(filter, wanted, pageWish(query));
        return { ...page, items: page.items.map(artifactJson) };
      },
      {
        who: "anybody",
        query: t.Object({
          ...teamQuery,
          tool: t.Optional(nameModel({ description: "Such as turbo" })),
          scope: t.Optional(nameModel({ description: "Such as pr-123; empty for trusted ones" })),
          hash: t.Optional(
            nameModel({
              description: `With which the hash begins: at least ${shortestHashPrefix} characters, of at most 1,000 hits`,
            }),
          ),
          sort: t.Optional(
            oneOf(artifactSorts, {
              description: "By last use (if not said), size, or the order in which they first came",
            }),
          ),
          order: t.Optional(oneOf(["asc", "desc"], { description: "desc, if not said" })),
          ...pageQuery,
        }),
        response: pageModel(artifactModel),
        detail: {
          summary: "List artifacts",
          description:
            "Where the filter leaves little of a long list, a page may be short or empty and yet not the last.",
        },
      },
    )
    .get(
      "/:id",
      async ({ caller, params }) => {
        const { artifact } = await find(caller, params.id, "read");
        return {
          ...artifactJson(artifact),
          tag: artifact.tag,
          dirtyHash: artifact.dirtyHash,
          clientCi: artifact.clientCi,
          sharedWith: await artifactList.sharing(artifact, caller.teamIds(undefined)),
        };
      },
      {
        who: "anybody",
        params: numberParams,
        response: shownArtifactModel,
        detail: { summary: "Show an artifact" },
      },
    )
    .get(
      "/:id/content",
      async ({ caller, params }) => {
        const { artifact, team } = await find(caller, params.id, "read");
        // What its clients do not get nobody gets by another door.
        requireEnabled(team);
        const answer = await cache.look(
          artifact,
          (body) => new Response(body, { headers: downloadHeaders(artifact) }),
        );
        if (answer && artifact.quarantinedAt === null) return answer;
        throw new Refusal(
          "not_found",
          "The bytes of this artifact are missing or damaged; clients get a miss.",
        );
      },
      {
        who: "anybody",
        params: numberParams,
        detail: {
          summary: "Download the bytes of an artifact",
          description: "It counts as no use of the artifact, and the team has to be enabled.",
          responses: {
            200: {
              description: "The bytes as they were uploaded",
              content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
            },
          },
        },
      },
    )
    .delete(
      "/:id",
      async ({ caller, params }) => {
        const { artifact } = await find(caller, params.id, "admin");
        const { teamId, tool, scope, hash } = artifact;
        await cache.purge({ teamId, tool, scope, hash }, caller.by);
        return artifactJson(artifact);
      },
      {
        who: "anybody",
        params: numberParams,
        response: artifactModel,
        detail: { summary: "Take an artifact out", description: "It needs an owner of its team." },
      },
    );
}

/** Whatever it is that somebody has uploaded: browsers keep it as a file, and show and run nothing of it. */
function downloadHeaders({ tool, hash }: ListedArtifact): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    // Both are of letters, digits, - and _ only.
    "content-disposition": `attachment; filename="${tool}-${hash}${toolNamed(tool)?.fileEnding ?? ""}"`,
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
  };
}
