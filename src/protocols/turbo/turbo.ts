import { Elysia } from "elysia";
import type { UploadLog } from "../../audit/upload-log.ts";
import type { Artifact, ArtifactKey, ArtifactSpace } from "../../cache/artifact.ts";
import type { ArtifactBody, Cache } from "../../cache/cache.ts";
import type { access } from "../../http/access.ts";
import { onlyMethods } from "../../http/allowed-methods.ts";
import { errorBody } from "../../http/answer.ts";
import type { ErrorHandler } from "../../http/errors.ts";
import { readJson } from "../../http/json-body.ts";
import { isFromStart } from "../../http/range.ts";
import { requireEnabled, requireNotBlocked, requireStillAllowed } from "../../identity/access.ts";
import { actorOf, type Principal } from "../../identity/principal.ts";
import type { RefusedWrites } from "../../identity/refused-writes.ts";
import type { Team } from "../../identity/teams.ts";
import { Refusal } from "../../refusal.ts";
import { turborepo } from "../../tools.ts";
import type { SeenArtifact, UsageRecorder } from "../../usage/usage-recorder.ts";
import { askerOf } from "../asker.ts";
import {
  artifactHeaders,
  isUnchanged,
  parseClientHeaders,
  parseContentLength,
  parseFacts,
  requireTag,
} from "./artifact-headers.ts";
import { dialect } from "./dialect.ts";
import { parseEvents } from "./events-body.ts";
import { checkHash } from "./hash.ts";
import { parseHashes, queryAnswer } from "./query-body.ts";

export interface TurboOptions {
  cache: Cache;
  usage: UsageRecorder;
  uploadLog: UploadLog;
  refusedWrites: RefusedWrites;
  access: ReturnType<typeof access>;
  onError: ErrorHandler;
  /** The address that clients use for this request's server, without a trailing slash, such as `https://host/cache`. */
  baseUrl: (request: Request) => string;
  /** To be called while a body arrives, so that a slow upload is not taken for an idle connection. */
  keepAlive: (request: Request) => void;
  /** Where a request comes from, for the audit log. */
  addressOf: (request: Request) => string | null;
}

const tool = turborepo.name;

/**
 * turbo sends its token with the real request only if this list names Authorization (2.11.11). Browsers get no
 * Access-Control-Allow-Origin, so no page of another site can use a cache.
 */
const preflightHeaders = {
  "access-control-allow-methods": "GET, HEAD, PUT, POST, DELETE, OPTIONS",
  "access-control-allow-headers":
    "Authorization, Content-Type, User-Agent, x-artifact-duration, x-artifact-tag, x-artifact-sha, " +
    "x-artifact-dirty-hash, x-artifact-client-ci, x-artifact-client-interactive",
};

/**
 * The Remote Cache API of Vercel, as published and as turbo 1.13 to 2.11 speak it. The API pages have it under `/v8`, the
 * OpenAPI document does not; both are served. turbo adds its path to TURBO_API as that stands, so a slash at its end comes
 * out doubled.
 */
export function turbo(options: TurboOptions) {
  return new Elysia({ name: "turbo" })
    .onError(options.onError(dialect))
    .use(artifactRoutes("/v8/artifacts", options))
    .use(artifactRoutes("//v8/artifacts", options))
    .use(artifactRoutes("/artifacts", options));
}

function artifactRoutes(path: string, options: TurboOptions) {
  const { cache, usage, uploadLog, refusedWrites, access, baseUrl, keepAlive, addressOf } = options;
  const preflight = () => new Response(null, { status: 204, headers: preflightHeaders });

  const download = async ({
    request,
    headers,
    params,
    team,
    principal,
  }: {
    request: Request;
    headers: Record<string, string | undefined>;
    params: { hash: string };
    team: Team;
    principal: Principal;
  }) => {
    requireEnabled(team);
    parseClientHeaders(headers);
    const inParts = headers.range !== undefined || request.method === "HEAD";
    let found: SeenArtifact | undefined;
    const answer = (artifact: Artifact, body: ArtifactBody) => {
      const answerHeaders = artifactHeaders(artifact, headers);
      const isKnown = isUnchanged(headers, artifact);
      found = isKnown ? { ...artifact, sizeBytes: null } : artifact;
      return new Response(isKnown ? null : body, { status: isKnown ? 304 : 200, headers: answerHeaders });
    };
    const key = keyOf(principal, params.hash);
    const answered = await cache.get(key, answer, { inParts });
    if (isOneRead(request, headers.range)) usage.read(askerOf(principal, tool), key.hash, found);
    return answered ?? missAnswer();
  };

  return (
    new Elysia()
      .use(access)
      // Before 2.9 turbo asks at its second login, without a team, whether the token that it has is good for anything.
      .get(`${path}/status`, ({ team }) => statusAnswer(team, cache), { access: "anyTeam" })
      .options(`${path}/status`, preflight)
      .use(onlyMethods(`${path}/status`, "GET", "OPTIONS"))

      .post(
        `${path}/events`,
        async ({ request, headers, team, principal, owner }) => {
          // A client reports what its local cache did, too, so only a blocked team's are refused.
          requireNotBlocked(team);
          const { clientCi } = parseClientHeaders(headers);
          const events = parseEvents(await readJson(request, owner));
          // Nothing comes of what anybody could tell, and turbo shall not be told that it may not (2.11.11 reports all the same).
          usage.report(askerOf(principal, tool), clientCi, events);
          return new Response(null, { status: 200 });
        },
        { access: "anonymousRead", parse: "none" },
      )
      .options(`${path}/events`, preflight)
      .use(onlyMethods(`${path}/events`, "POST", "OPTIONS"))

      .get(`${path}/:hash`, download, { access: "anonymousRead" })
      // The server leaves the body out of an answer to HEAD and keeps its length.
      .head(`${path}/:hash`, download, { access: "anonymousRead" })
      .put(
        `${path}/:hash`,
        async ({ request, headers, params, query, team, principal, owner }) => {
          requireEnabled(team);
          const key = keyOf(principal, params.hash);
          const facts = parseFacts(headers, principal.tokenId);
          const by = actorOf(principal, addressOf(request));
          const url = `${baseUrl(request)}${path}/${key.hash}${teamQuery(query)}`;
          const asker = askerOf(principal, tool);
          try {
            if (team.requireTag) requireTag(facts);
            const sizeBytes = parseContentLength(headers);
            const kept = await cache.put(key, facts, {
              body: arriving(request, keepAlive),
              ...(sizeBytes !== undefined && { sizeBytes }),
              authorize: (tx) => requireStillAllowed(tx, principal),
              record: (tx, { sha256, sizeBytes }) => uploadLog.record(tx, by, { ...key, sha256, sizeBytes }),
            });
            usage.upload(asker, key.hash, { ...kept, durationMs: facts.durationMs });
          } catch (error) {
            if (isForRoom(error)) usage.refusedUpload(asker, key.hash, facts.durationMs);
            await refusedWrites.record(principal, error, { owner, hash: key.hash, address: by.address });
            throw error;
          }
          return Response.json({ urls: [url] }, { status: 202 });
        },
        { access: "write", parse: "none" },
      )
      .options(`${path}/:hash`, preflight)
      .use(onlyMethods(`${path}/:hash`, "GET", "HEAD", "PUT", "OPTIONS"))

      .post(
        path,
        async ({ request, headers, team, principal, owner }) => {
          requireEnabled(team);
          parseClientHeaders(headers);
          const hashes = parseHashes(await readJson(request, owner));
          return Response.json(queryAnswer(hashes, await cache.query(spaceOf(principal), hashes)));
        },
        { access: "anonymousRead", parse: "none" },
      )
      .delete(
        path,
        async ({ request, team, principal }) => {
          const by = actorOf(principal, addressOf(request));
          return Response.json({ deletedCount: await cache.purge({ teamId: team.id, tool }, by) });
        },
        { access: "admin" },
      )
      .options(path, preflight)
      .use(onlyMethods(path, "POST", "DELETE", "OPTIONS"))
  );
}

const missBody = errorBody("not_found", "There is no such artifact.");
const missHeaders = { headers: { "content-type": "application/json" }, status: 404 };

/** The most frequent of all answers. */
function missAnswer(): Response {
  return new Response(missBody, missHeaders);
}

/** Whether a GET counts: of one that takes an artifact in parts, the first does, and HEAD takes nothing. */
function isOneRead({ method }: Request, range: string | undefined): boolean {
  return method === "GET" && isFromStart(range);
}

/** Whether an upload was refused for its size, a quota, or want of room, and not for what the client did wrong. */
function isForRoom(error: unknown): boolean {
  return (
    error instanceof Refusal &&
    ["too_large", "larger_than_quota", "team_over_limit", "no_space"].includes(error.code)
  );
}

/** The published states; `blocked` is the API's 402, and a team that may not write for its quota is over its limit. */
async function statusAnswer(team: Team, cache: Cache): Promise<Response> {
  requireNotBlocked(team);
  const isFull = team.state === "enabled" && team.quotaRule === "refuse" && (await cache.isTeamFull(team.id));
  return Response.json({ status: isFull ? "over_limit" : team.state });
}

/** The scope comes from the credential alone: whatever a request could say of it, a stranger's pull request would, too. */
function spaceOf({ team, scope }: Principal): ArtifactSpace {
  return { teamId: team.id, tool, scope };
}

function keyOf({ team, scope }: Principal, hash: string): ArtifactKey {
  return { teamId: team.id, tool, scope, hash: checkHash(hash) };
}

/** The team as the request named it, so that the URL works for whoever is given it. */
function teamQuery({ teamId, slug }: { teamId?: string; slug?: string }): string {
  const named = new URLSearchParams({ ...(teamId && { teamId }), ...(slug && { slug }) }).toString();
  return named && `?${named}`;
}

/**
 * The body as it arrives. It is not cancelled when the reader stops in the middle: whoever answers the client may have to
 * let the rest pass.
 */
async function* arriving(request: Request, keepAlive: (request: Request) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of request.body?.values({ preventCancel: true }) ?? []) {
    keepAlive(request);
    yield chunk;
  }
}
