import { t } from "elysia";
import { overwriteRules, quotaRules, teamStates } from "../identity/teams.ts";
import { isoTimeModel, nameModel, oneOf } from "./model.ts";

const sizeLimit = t.Nullable(t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }));
const ageLimit = t.Nullable(t.Integer({ minimum: 1, maximum: 100 * 365 * 86_400_000 }));

export const teamModel = t.Object({
  id: t.String(),
  slug: t.String(),
  name: t.String(),
  state: oneOf(teamStates),
  overwrite: oneOf(overwriteRules, {
    description: "Whether an upload may replace an artifact by other bytes",
  }),
  requireTag: t.Boolean({ description: "Whether uploads without a signature are refused" }),
  anonymousRead: t.Boolean({ description: "Whether anybody may read its trusted artifacts without a token" }),
  quotaBytes: t.Nullable(t.Number(), { description: "null for no quota of its own" }),
  quotaRule: oneOf(quotaRules, {
    description: "Whether its least recently used artifacts go at the quota, or uploads are refused",
  }),
  maxAgeMs: t.Nullable(t.Number(), {
    description: "Artifacts unused for so long go; null for the server's setting",
  }),
  usedBytes: t.Number({ description: "What its artifacts take, each blob counted once" }),
  createdAt: isoTimeModel,
});

export const shownTeamModel = t.Object({
  ...teamModel.properties,
  artifacts: t.Number({
    description: "How many it has, without damaged ones; where they are many, up to a minute old",
  }),
});

export const newTeamModel = t.Object(
  {
    slug: nameModel({ description: "Name of the team in URLs: a-z, 0-9 and -" }),
    name: t.Optional(nameModel({ description: "Name for people; the slug, if not said" })),
    overwrite: t.Optional(oneOf(overwriteRules)),
  },
  { additionalProperties: false, examples: [{ slug: "web", name: "Web team" }] },
);

/** What the owner of a team may change. */
const ownSettings = {
  name: t.Optional(nameModel()),
  overwrite: t.Optional(oneOf(overwriteRules)),
  requireTag: t.Optional(t.Boolean()),
  anonymousRead: t.Optional(t.Boolean()),
};

export const teamChangeModel = t.Object(
  {
    ...ownSettings,
    slug: t.Optional(nameModel()),
    state: t.Optional(oneOf(teamStates)),
    quotaBytes: t.Optional(sizeLimit),
    quotaRule: t.Optional(oneOf(quotaRules)),
    maxAgeMs: t.Optional(ageLimit),
  },
  { additionalProperties: false, examples: [{ requireTag: true }] },
);

export const ownSettingNames: readonly string[] = Object.keys(ownSettings);
