/** All that is ever written down: the thing, and what was done to it. */
export const auditKinds = [
  "artifact.purge",
  "artifact.refuse",
  "artifact.write",
  "blob.quarantine",
  "member.remove",
  "member.set",
  "policy.create",
  "policy.delete",
  "session.close",
  "session.close-all",
  "session.open",
  "session.refuse",
  "storage.gc",
  "storage.verify",
  "team.create",
  "team.delete",
  "team.set",
  "token.create",
  "token.refuse",
  "token.revoke",
  "user.create",
  "user.delete",
  "user.link",
  "user.oidc-link",
  "user.password",
  "user.set",
] as const;

export type AuditKind = (typeof auditKinds)[number];

/** What stands before the dots, such as `token`. */
export const auditThings: readonly string[] = [
  ...new Set(auditKinds.map((kind) => kind.slice(0, kind.indexOf(".")))),
];
