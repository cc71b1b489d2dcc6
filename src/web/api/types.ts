/* What the admin API answers, under the names that the pages use. The shapes are the API's own. */
import type {
  artifactModel,
  purgedModel,
  purgeModel,
  shownArtifactModel,
} from "../../admin/artifacts-model.ts";
import type { auditJson } from "../../admin/audit-json.ts";
import type { ConnectLine } from "../../admin/connect-lines.ts";
import type { ChangedRuns } from "../../admin/live-feed.ts";
import type { createdPoliciesModel, policyModel, reportModel } from "../../admin/policies-model.ts";
import type { ShownSetting } from "../../admin/settings-routes.ts";
import type { shownTeamModel, teamModel } from "../../admin/teams-model.ts";
import type {
  createdTokenModel,
  revokedTokenModel,
  shownTokenModel,
  tokenModel,
  tokenReportModel,
} from "../../admin/tokens-model.ts";
import type {
  noticeModel,
  overviewModel,
  runEventModel,
  runModel,
  totalsModel,
} from "../../admin/usage-model.ts";
import type { invitedUserModel, linkModel, memberModel, userModel } from "../../admin/users-model.ts";

export type { ChangedRuns };

export type Permission = "read" | "write" | "admin";

export interface Me {
  kind: "user" | "token";
  user: { id: string; email: string; name: string } | null;
  isServerAdmin: boolean;
  csrfToken: string | null;
  teams: MyTeam[];
  version: string;
}

export interface MyTeam {
  id: string;
  slug: string;
  name: string;
  state: string;
  permission: Permission;
}

/** A part of a list. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export type Totals = (typeof totalsModel)["static"];
export type Overview = (typeof overviewModel)["static"];
export type SeriesPoint = Overview["series"][number];
export type StorageFigures = Overview["storage"];
export type Notice = (typeof noticeModel)["static"];
export type Run = (typeof runModel)["static"];
export type RunEvent = (typeof runEventModel)["static"];

/** Who did something, however they proved who they are. */
export interface Origin {
  kind: string;
  id: string | null;
  name: string;
}

export type Artifact = (typeof artifactModel)["static"];
export type ShownArtifact = (typeof shownArtifactModel)["static"];
export type Purged = (typeof purgedModel)["static"];
/** Which artifacts are to go. */
export type PurgeWish = Omit<(typeof purgeModel)["static"], "dryRun" | "all">;
export type Team = (typeof teamModel)["static"];
export type ShownTeam = (typeof shownTeamModel)["static"];
export type Member = (typeof memberModel)["static"];
export type Token = (typeof tokenModel)["static"];
export type ShownToken = (typeof shownTokenModel)["static"];
export type CreatedToken = (typeof createdTokenModel)["static"];
export type TokenReport = (typeof tokenReportModel)["static"];
export type RevokedToken = (typeof revokedTokenModel)["static"];
export type Policy = (typeof policyModel)["static"];
export type CreatedPolicies = (typeof createdPoliciesModel)["static"];
export type PolicyReport = (typeof reportModel)["static"];
export type User = (typeof userModel)["static"];
export type InvitedUser = (typeof invitedUserModel)["static"];
/** With it somebody chooses a password. It is shown once. */
export type PasswordLink = (typeof linkModel)["static"];
export type AuditEntry = ReturnType<typeof auditJson>;
export type Lines = ConnectLine;

export type Setting = ShownSetting;

export interface Settings {
  settings: Setting[];
  version: string;
  bunVersion: string;
  dataFolder: string;
}

export interface Connect {
  url: string;
  team: string;
  teamId: string;
  tools: { tool: string; title: string; lines: Lines[] }[];
  ci: Lines[];
}
