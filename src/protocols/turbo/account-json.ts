import { errorBody } from "../../http/answer.ts";
import type { Credential, Principal } from "../../identity/principal.ts";
import type { Permission, Token } from "../../identity/tokens.ts";
import type { User } from "../../identity/users.ts";

/** How the API's account pages word who somebody is. turbo takes the whole answer for broken if a field is missing. */
export interface UserJson {
  id: string;
  username: string;
  email: string;
  name: string;
}

/** A token of a team's own stands for itself, so that `turbo link` works with it. */
export function userJson(credential: Credential, user: User | undefined): UserJson {
  if (user) {
    const { id, email, name } = user;
    return { id, username: usernameOf(email.slice(0, email.lastIndexOf("@"))), email, name };
  }
  const username = usernameOf(credential.name);
  // RFC 2606, 2: nobody will ever get mail there.
  const email = `${username}@token.larder.invalid`;
  return { id: credential.tokenId ?? environmentId, username, email, name: credential.name };
}

const environmentId = "tok_environment";

/** As it may stand in a URL. */
function usernameOf(name: string): string {
  const username = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return username || "token";
}

const roleOf: Record<Permission, string> = { admin: "OWNER", write: "MEMBER", read: "VIEWER" };

/** turbo (2.11.11) needs every one of these, `created` as a text. */
export function teamJson({ team: { id, slug, name, createdAt }, permission }: Principal) {
  return {
    id,
    slug,
    name,
    createdAt,
    created: new Date(createdAt).toISOString(),
    membership: { role: roleOf[permission] },
  };
}

/** turbo up to 2.9 needs `origin` and the times in each scope, 2.11 `scopes` and `activeAt`. */
export function tokenJson({ id, name, teamId, createdAt, expiresAt }: Token) {
  return {
    ...currentToken(id, name, createdAt),
    ...(expiresAt !== null && { expiresAt }),
    scopes: [
      {
        type: teamId === null ? "user" : "team",
        origin,
        createdAt,
        ...(expiresAt !== null && { expiresAt }),
        ...(teamId !== null && { teamId }),
      },
    ],
  };
}

const origin = "self-hosted";

function currentToken(id: string, name: string, createdAt: number) {
  // turbo (2.11.11) holds a token that is active in the future for invalid, and its clock may be slower than ours.
  return { id, name, type: "oauth2-token", origin, createdAt, activeAt: createdAt };
}

/** The environment's `TURBO_TOKEN` is as old as its team. */
export function environmentTokenAnswer({ name, principals }: Credential): Response {
  const team = principals[0]?.team;
  const createdAt = team?.createdAt ?? 0;
  const scope = { type: "team", origin, createdAt, ...(team && { teamId: team.id }) };
  return Response.json({
    token: { ...currentToken(environmentId, name, createdAt), scopes: [scope] },
  });
}

/** The one answer after which turbo (2.11.11) begins a new sign-in; it compares the message, too. */
export function inactiveTokenAnswer(): Response {
  const { error, ...flat } = JSON.parse(errorBody("forbidden", "token is not active"));
  const body = { ...flat, invalidToken: true, error: { ...error, invalidToken: true } };
  return Response.json(body, { status: 403 });
}
