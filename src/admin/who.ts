import { Elysia } from "elysia";
import { readJson } from "../http/json-body.ts";
import type { Admission } from "./admission.ts";
import type { Caller, TeamRight } from "./caller.ts";

/**
 * Lets a route declare whom it serves: `{ who: "anybody" }` for all who are known, `{ who: "server" }` for administrators of the
 * server, and then has `caller`; or `{ teamRight: "read" | "admin" }` for those who may that in the team that stands in the path
 * as `:team`, and then has `caller` and `team`.
 *
 * They are looked at first of all: whoever may not is told so before anything of the request is read or judged. And they are
 * looked at once more when its body is there, which `transform` and `resolve` come after: what counts is what one may then.
 */
export function who(admission: Admission) {
  const admitAnybody = async (request: Request, needed: "anybody" | "server"): Promise<Caller> => {
    const caller = await admission.admit(request);
    if (needed === "server") caller.requireServerAdmin();
    return caller;
  };
  const admitToTeam = async (request: Request, params: unknown, needed: TeamRight) => {
    const caller = await admission.admit(request);
    return { caller, team: caller.team(teamOf(params), needed) };
  };
  // Null for none, which Elysia then does not try to read itself.
  const bodyOf = async (request: Request) => {
    if (request.body === null) return null;
    const body = await readJson(request, admission.of(request).owner);
    await admission.admitAgain(request);
    return body;
  };

  return new Elysia({ name: "who" })
    .macro({
      who: (needed: "anybody" | "server") => ({
        parse: async ({ request }) => {
          await admitAnybody(request, needed);
          return await bodyOf(request);
        },
        transform: async ({ request }) => void (await admitAnybody(request, needed)),
        resolve: ({ request }) => ({ caller: admission.of(request) }),
      }),
    })
    .macro({
      teamRight: (needed: TeamRight) => ({
        parse: async ({ request, params }) => {
          await admitToTeam(request, params, needed);
          return await bodyOf(request);
        },
        transform: async ({ request, params }) => void (await admitToTeam(request, params, needed)),
        resolve: async ({ request, params }) => await admitToTeam(request, params, needed),
      }),
    });
}

/** Null where the router could not decode it. */
function teamOf(params: unknown): string {
  return (params as { team?: string | null }).team ?? "";
}
