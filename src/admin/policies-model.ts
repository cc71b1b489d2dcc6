import { t } from "elysia";
import { ciProviders } from "../identity/ci-providers.ts";
import { longestTokenMaxAgeMs } from "../identity/policies.ts";
import { isoTimeModel, maxTextLength, nameModel, oneOf, permissionModel } from "./model.ts";
import { linesModel } from "./tokens-model.ts";

const claimsModel = t.Record(nameModel(), t.String({ maxLength: maxTextLength }), {
  description: "Pattern by claim: text, alternatives with |, and {name} or {name**} for what varies",
});

export const policyModel = t.Object({
  id: t.String(),
  name: t.String(),
  team: t.String({ description: "Slug" }),
  teamId: t.String(),
  issuer: t.String({ description: "Who signs the jobs' tokens, to the letter" }),
  audience: t.String({ description: "For whom the jobs' tokens have to be" }),
  claims: claimsModel,
  permission: permissionModel,
  scope: t.String({ description: "Empty for trusted work, else with names of claims in braces" }),
  tokenMaxAgeMs: t.Number({ description: "How long a job's token lives" }),
  createdAt: isoTimeModel,
  createdBy: t.Nullable(t.String()),
});

export const newPolicyModel = t.Object(
  {
    team: nameModel({ description: "Slug or id of the team that the jobs act for" }),
    provider: t.Optional(
      oneOf(ciProviders, {
        description: "Makes the policies that fit: one for trusted jobs, one for pull requests",
      }),
    ),
    repository: t.Optional(nameModel({ description: "Such as acme/web (CircleCI: github.com/acme/web)" })),
    organization: t.Optional(nameModel({ description: "Buildkite: its slug, CircleCI: its id" })),
    pipeline: t.Optional(nameModel({ description: "Buildkite" })),
    branch: t.Optional(
      nameModel({
        description: "Branch whose pushes are trusted, such as main or release/*; main, if not said",
      }),
    ),
    only: t.Optional(oneOf(["trusted", "pull-requests"], { description: "Make one of the two only" })),
    issuer: t.Optional(
      t.String({ maxLength: maxTextLength, description: "Who signs the jobs' tokens, to the letter" }),
    ),
    audience: t.Optional(nameModel({ description: "publicUrl if that is set, else larder, if not said" })),
    claims: t.Optional(claimsModel),
    scope: t.Optional(
      nameModel({ description: "Keeps what the jobs write apart, such as pr-{repository}-{number}" }),
    ),
    trusted: t.Optional(t.Boolean({ description: "Let everybody of the team read what the jobs write" })),
    name: t.Optional(nameModel()),
    permission: t.Optional(oneOf(["read", "write"], { description: "write, if not said" })),
    tokenMaxAgeMs: t.Optional(t.Integer({ minimum: 1_000, maximum: longestTokenMaxAgeMs })),
  },
  {
    additionalProperties: false,
    examples: [{ team: "web", provider: "github", repository: "acme/web" }],
  },
);

export const createdPoliciesModel = t.Object({
  items: t.Array(policyModel),
  warnings: t.Array(t.String(), {
    description: "What should be thought over, such as scopes shared between projects",
  }),
  lines: linesModel,
});

export const deletedPolicyModel = t.Object({
  ...policyModel.properties,
  revokedTokens: t.Number({ description: "How many that had not expired" }),
});

export const reportModel = t.Object({
  issuer: t.String({ description: "As the token says" }),
  problem: t.Nullable(t.String(), {
    description: "Why the token does not count, whatever the policies think of it",
  }),
  chosen: t.Nullable(t.String(), { description: "Id of the policy that counts" }),
  policies: t.Array(
    t.Object({
      id: t.String(),
      name: t.String(),
      team: t.String({ description: "Slug" }),
      teamId: t.String(),
      matches: t.Boolean(),
      permission: t.Optional(permissionModel),
      scope: t.Optional(t.String({ description: "That the job would get; empty for trusted" })),
      reasons: t.Optional(t.Array(t.String(), { description: "Why it does not match" })),
    }),
  ),
});
