import { t } from "elysia";
import { originKinds } from "../database/schema.ts";
import { severities } from "../notices/notice.ts";
import { isoTimeModel, oneOf } from "./model.ts";

/** What the cache did in some time, for some origins. */
export const totalsModel = t.Object({
  remoteHits: t.Number({ description: "As the server saw them" }),
  remoteMisses: t.Number(),
  localHits: t.Number({ description: "As clients reported them" }),
  localMisses: t.Number(),
  remoteSavedMs: t.Number({ description: "What the tasks of the hits once took" }),
  localSavedMs: t.Number(),
  missedMs: t.Number({ description: "What the tasks took whose results were uploaded, or were to be" }),
  uploads: t.Number(),
  uploadedBytes: t.Number(),
  downloadedBytes: t.Number(),
  refusedUploads: t.Number({ description: "For their size, a quota, or want of room" }),
  savedMs: t.Number({ description: "Remote and local" }),
  hitRate: t.Nullable(t.Number(), {
    description: "Share of the tasks that did not have to run; null where none was asked for",
  }),
  hitRateByTime: t.Nullable(t.Number(), { description: "Share of the time of all tasks that was saved" }),
});

const originModel = t.Object({
  kind: oneOf(originKinds),
  id: t.String({ description: "Of the token or the policy; empty for anybody" }),
  name: t.String(),
});

export const runModel = t.Object({
  id: t.Number(),
  team: t.String({ description: "Slug" }),
  teamId: t.String(),
  tool: t.String(),
  sessionId: t.Nullable(t.String(), { description: "The client's own id; null where it tells of none" }),
  origin: originModel,
  user: t.Nullable(t.String(), {
    description: "E-mail address of whose token it was; null to a team's token without permission admin",
  }),
  scope: t.String({ description: "Empty for trusted work" }),
  clientCi: t.Nullable(t.String()),
  claims: t.Nullable(t.Record(t.String(), t.Unknown()), {
    description: "What a CI job proved of itself, for as long as its token is known",
  }),
  startedAt: isoTimeModel,
  lastEventAt: isoTimeModel,
  events: t.Number({ description: "How many there were; of very many not all can be listed" }),
  ...totalsModel.properties,
});

export const runEventModel = t.Object({
  hash: t.String(),
  source: oneOf(["LOCAL", "REMOTE"], { description: "REMOTE: as the server saw it" }),
  event: oneOf(["HIT", "MISS", "UPLOAD"]),
  durationMs: t.Number({ description: "What the task took when it ran; 0 for a miss" }),
  sizeBytes: t.Nullable(t.Number()),
  createdAt: isoTimeModel,
  artifactId: t.Nullable(t.Number(), { description: "What is stored under the hash now" }),
});

export const noticeModel = t.Object({
  code: t.String(),
  severity: oneOf(severities),
  title: t.String(),
  message: t.String(),
  remedy: t.String({ description: "What to do" }),
  team: t.Optional(t.String({ description: "Slug; without one it is the whole server's" })),
  teamId: t.Optional(t.String()),
});

const serverFigure = {
  description: "Of the whole server: null for those who may not see all of it, or for no limit",
};

export const overviewModel = t.Object({
  since: isoTimeModel,
  until: isoTimeModel,
  step: oneOf(["hour", "day"]),
  totals: totalsModel,
  before: totalsModel,
  series: t.Array(
    t.Object({
      startAt: isoTimeModel,
      ...totalsModel.properties,
      storedBytes: t.Nullable(t.Number(), {
        description:
          "At the end of the step, or now: of the team that was asked for, or else of the whole server. Null where that is not " +
          "known, in steps to come, and of the whole server for those who may not see all of it",
      }),
    }),
  ),
  byTeam: t.Optional(
    t.Array(
      t.Object({ team: t.String({ description: "Slug" }), teamId: t.String(), ...totalsModel.properties }),
      {
        description: "Unless one team was asked for",
      },
    ),
  ),
  byOrigin: t.Array(t.Object({ ...originModel.properties, ...totalsModel.properties }), {
    description: "The 20 that uploaded most, then those that asked most",
  }),
  storage: t.Object({
    storedBytes: t.Nullable(t.Number(), serverFigure),
    reservedBytes: t.Nullable(t.Number(), serverFigure),
    maxSizeBytes: t.Nullable(t.Number(), serverFigure),
    freeBytes: t.Nullable(t.Number(), serverFigure),
    minFreeBytes: t.Nullable(t.Number(), serverFigure),
    artifacts: t.Number({
      description: "Of the team, or of all teams that one may see; where they are many, up to a minute old",
    }),
    team: t.Nullable(t.Object({ usedBytes: t.Number(), quotaBytes: t.Nullable(t.Number()) }), {
      description: "Where one team was asked for",
    }),
    before: t.Nullable(
      t.Object({
        at: t.String({
          format: "date-time",
          description: "The beginning of the range or, where that is not known, the first hour in it that is",
        }),
        storedBytes: t.Number(),
      }),
      {
        description:
          "What the team that was asked for used then, or else what the whole server stored. Null where nothing is known but " +
          "what is now, and of the whole server for those who may not see all of it",
      },
    ),
  }),
  notices: t.Array(noticeModel, { description: "What is wrong now, what matters most first" }),
  isFirstHitSeen: t.Boolean({ description: "Whether anything has ever come from this cache" }),
  hasArtifacts: t.Boolean(),
});
