import { Elysia, t } from "elysia";
import { requireNotBlocked } from "../identity/access.ts";
import type { Policy } from "../identity/policies.ts";
import { examineToken } from "../identity/policy-report.ts";
import { sharedScopeWarnings } from "../identity/scope-overlap.ts";
import { wantedPolicies } from "../identity/wanted-policies.ts";
import { Refusal } from "../refusal.ts";
import type { AdminOptions } from "./admin.ts";
import type { Caller } from "./caller.ts";
import { ciLines } from "./ci-lines.ts";
import { idParams, nameModel, pageModel } from "./model.ts";
import {
  createdPoliciesModel,
  deletedPolicyModel,
  newPolicyModel,
  policyModel,
  reportModel,
} from "./policies-model.ts";
import { policyJson, reportJson } from "./policy-json.ts";

/** As much as the exchange takes. */
const maxTokenLength = 64 * 1024;

const teamOption = t.Optional(
  nameModel({ minLength: 1, description: "Slug or id; without it, all teams that one looks after" }),
);

/** `/policies`: which CI jobs get a token without any secret. */
export function policiesRoutes({ who, issuers, defaultAudience, baseUrl }: AdminOptions) {
  return new Elysia({ prefix: "/policies", tags: ["CI policies"] })
    .use(who)
    .get(
      "",
      async ({ caller, query }) => ({
        items: (await ofTeams(caller, query.team)).map(policyJson),
        nextCursor: null,
      }),
      {
        who: "anybody",
        query: t.Object({ team: teamOption }),
        response: pageModel(policyModel),
        detail: { summary: "List policies, oldest first, all at once" },
      },
    )
    .post(
      "",
      async ({ caller, body: { team: slugOrId, ...wish }, request, set }) => {
        const team = caller.team(slugOrId, "admin");
        requireNotBlocked(team);
        const teamId = team.id;
        const { policies } = caller.services;
        const wanted = wantedPolicies(wish).map((policy) => ({
          audience: defaultAudience,
          ...policy,
          teamId,
          isInternalAllowed: caller.isServerAdmin,
        }));
        const created = await policies.create(...wanted);
        set.status = 201;
        return {
          items: created.map(policyJson),
          warnings: sharedScopeWarnings(created, await policies.list({ teamId })),
          lines: ciLines(created, baseUrl(request)),
        };
      },
      {
        who: "anybody",
        body: newPolicyModel,
        response: { 201: createdPoliciesModel },
        detail: {
          summary: "Trust the jobs of a repository, or of any issuer",
          description:
            "Either with a provider and what names the project there, or with issuer, claims, and scope or trusted. The lines are what to paste into its jobs.",
        },
      },
    )
    .post(
      "/test",
      async ({ caller, body }) =>
        reportJson(await examineToken(body.token.trim(), await ofTeams(caller, body.team), issuers)),
      {
        who: "anybody",
        body: t.Object(
          {
            team: teamOption,
            token: t.String({
              maxLength: maxTokenLength,
              description: "The OpenID Connect token of a CI job",
            }),
          },
          { additionalProperties: false },
        ),
        response: reportModel,
        detail: {
          summary: "Which policy takes a job's token, and why the others do not",
          description: "Nothing is created, and the token is not kept.",
        },
      },
    )
    .delete(
      "/:id",
      async ({ caller, params }) => {
        const { policies } = caller.services;
        const policy = await policies.find(params.id);
        if (!policy || !(caller.isServerAdmin || caller.may(policy.teamId, "admin"))) {
          throw new Refusal(
            "not_found",
            "You have no such policy, or there is none. GET /api/v1/policies lists those that you may see.",
          );
        }
        const { revokedTokens, ...deleted } = await policies.delete(policy.id);
        if ((await policies.list({ issuer: policy.issuer })).length === 0) issuers.forget(policy.issuer);
        return { ...policyJson(deleted), revokedTokens };
      },
      {
        who: "anybody",
        params: idParams,
        response: deletedPolicyModel,
        detail: { summary: "Delete a policy, and revoke the tokens that jobs have under it" },
      },
    );
}

/** Whoever reads in a team need not know whom it trusts. */
async function ofTeams(caller: Caller, team: string | undefined): Promise<Policy[]> {
  const teamIds = caller.teamIds(team, "admin");
  if (teamIds?.length === 0)
    throw new Refusal("forbidden", "This needs an owner of a team, or an administrator of the server.");
  return await caller.services.policies.list(teamIds === undefined ? {} : { teamIds });
}
