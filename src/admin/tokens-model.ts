import { t } from "elysia";
import { tokenStates } from "../identity/token-state.ts";
import { freedModel } from "./artifacts-model.ts";
import { isoTimeModel, nameModel, oneOf, permissionModel } from "./model.ts";

export const tokenModel = t.Object({
  id: t.String(),
  name: t.String(),
  team: t.Nullable(t.String(), {
    description: "Slug; null for a user's, which acts in all of the user's teams",
  }),
  teamId: t.Nullable(t.String()),
  user: t.Nullable(t.String(), { description: "E-mail address; null for a team's" }),
  permission: permissionModel,
  scope: t.String({ description: "Empty if it is trusted" }),
  state: oneOf(tokenStates, { description: "disabled: of a user who is" }),
  createdAt: isoTimeModel,
  createdBy: t.Nullable(t.String(), {
    description: "In words, such as `user ann@example.org`; null to a team's own token without admin",
  }),
  policyId: t.Nullable(t.String(), { description: "The policy under which a CI job got it" }),
  claims: t.Nullable(t.Record(t.String(), t.Unknown()), { description: "What that job proved of itself" }),
  expiresAt: t.Nullable(isoTimeModel),
  revokedAt: t.Nullable(isoTimeModel),
  lastUsedAt: t.Nullable(isoTimeModel),
});

export const shownTokenModel = t.Object({
  ...tokenModel.properties,
  artifacts: t.Number({ description: "How many that it wrote are still kept" }),
  teams: t.Array(t.Object({ team: t.String(), teamId: t.String(), permission: permissionModel }), {
    description: "Where it may act now, and what it may do there",
  }),
});

export const tokenReportModel = t.Object({
  problem: t.Nullable(t.String(), { description: "Why requests with it are refused; null if they are not" }),
  token: t.Nullable(shownTokenModel, { description: "null if none that one may see has this secret" }),
});

export const linesModel = t.Array(
  t.Object({
    title: t.String({ description: "Where it goes, such as `In the shell`" }),
    text: t.String({ description: "To be pasted there" }),
    language: oneOf(["shell", "json", "yaml"]),
  }),
);

export const createdTokenModel = t.Object({
  ...tokenModel.properties,
  secret: t.String({ description: "Shown here and nowhere else" }),
  lines: linesModel,
});

export const revokedTokenModel = t.Object({
  ...tokenModel.properties,
  purged: t.Optional(
    t.Object({
      artifacts: t.Number(),
      freed: freedModel,
    }),
  ),
});

export const newTokenModel = t.Object(
  {
    team: t.Nullable(nameModel(), {
      description: "Slug or id; null for one of one's own, good in all of one's teams",
    }),
    name: nameModel({ description: "To know it by" }),
    permission: permissionModel,
    scope: t.Optional(
      nameModel({
        minLength: 1,
        description: "Of untrusted work, such as pr-1; leave it out for a trusted token",
      }),
    ),
    expiresAt: t.Optional(
      t.Nullable(isoTimeModel, {
        description: "null for no end; one made with a token ends no later than that",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ team: "web", name: "ci", permission: "write", expiresAt: "2027-03-01T00:00:00Z" }],
  },
);
