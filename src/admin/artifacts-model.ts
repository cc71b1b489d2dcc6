import { t } from "elysia";
import { isoTimeModel, nameModel, oneOf } from "./model.ts";

export const artifactModel = t.Object({
  id: t.Number(),
  team: t.String({ description: "Slug" }),
  teamId: t.String(),
  tool: t.String({ description: "Such as turbo" }),
  scope: t.String({ description: "Empty for a trusted one" }),
  hash: t.String({ description: "The client's hash of the task's inputs" }),
  sha256: t.String({ description: "Of its bytes" }),
  sizeBytes: t.Number(),
  durationMs: t.Number({ description: "How long the task took that produced it" }),
  isSigned: t.Boolean(),
  sha: t.Nullable(t.String(), { description: "Commit that produced it" }),
  createdAt: isoTimeModel,
  lastUsedAt: isoTimeModel,
  quarantinedAt: t.Nullable(isoTimeModel, {
    description: "Since when its bytes are known to be damaged; clients get a miss",
  }),
  writtenBy: t.Object({
    kind: oneOf(["token", "environment"]),
    id: t.Nullable(t.String(), { description: "Of the token" }),
    name: t.String({ description: "Of the token; for a CI job's which job it was" }),
    policyId: t.Nullable(t.String(), { description: "Under which a CI job got that token" }),
  }),
});

export const shownArtifactModel = t.Object({
  ...artifactModel.properties,
  tag: t.Nullable(t.String(), { description: "The client's signature" }),
  dirtyHash: t.Nullable(t.String()),
  clientCi: t.Nullable(t.String(), { description: "The CI that the client named" }),
  sharedWith: t.Number({ description: "How many others have the same bytes, of those that one may see" }),
});

export const freedModel = t.Object(
  { blobs: t.Number(), sizeBytes: t.Number() },
  {
    description:
      "To administrators of the server what left the storage; to others what their team uses no more, whoever else has the same bytes",
  },
);

export const purgedModel = t.Object({
  artifacts: t.Number(),
  freed: freedModel,
  dryRun: t.Boolean(),
});

export const purgeModel = t.Object(
  {
    team: t.Nullable(nameModel(), { description: "Slug or id; null for all teams', given writtenBy" }),
    writtenBy: t.Optional(
      nameModel({
        minLength: 1,
        description:
          "A token by id, secret or (with team) name; all tokens of a user (e-mail, id) or a policy (id); or TURBO_TOKEN",
      }),
    ),
    scope: t.Optional(nameModel({ description: "Empty for trusted ones" })),
    tool: t.Optional(nameModel()),
    hash: t.Optional(nameModel()),
    writtenAfter: t.Optional(isoTimeModel),
    writtenBefore: t.Optional(isoTimeModel),
    usedBefore: t.Optional(isoTimeModel),
    dryRun: t.Boolean({ description: "Only say what would go" }),
    all: t.Optional(
      t.Boolean({ description: "Really purge all of the team, where nothing but the tool narrows it" }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ team: "web", usedBefore: "2026-11-01T00:00:00Z", dryRun: true }],
  },
);
