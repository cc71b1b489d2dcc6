import type { Dialect } from "../../http/answer.ts";

/** The Remote Cache API's codes, and turbo's names for what a user can set. */
export const dialect: Dialect = {
  codes: {
    // turbo (2.11.11) goes on reading after a 403 `forbidden` to an upload; other codes make a warning each.
    wrong_team: "forbidden",
    team_disabled: "remote_caching_disabled",
    team_over_limit: "remote_caching_over_limit",
    team_paused: "remote_caching_paused",
    team_blocked: "blocked",
  },
  hints: {
    unauthorized: "For turbo, TURBO_TOKEN holds the token.",
    wrong_team: "For turbo, TURBO_TEAM is the team's slug, and TURBO_TEAMID, if you set it, its id.",
    signature_required:
      'Set "signature": true under remoteCache in turbo.json, and TURBO_REMOTE_CACHE_SIGNATURE_KEY where it runs.',
    forbidden: "To keep turbo from uploading, set TURBO_CACHE=local:rw,remote:r.",
  },
};
