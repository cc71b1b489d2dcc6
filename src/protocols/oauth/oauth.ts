import { Elysia } from "elysia";
import { onlyMethods } from "../../http/allowed-methods.ts";
import type { ErrorHandler } from "../../http/errors.ts";
import type { Exchange } from "../../identity/exchange.ts";
import { Refusal, type RefusalCode } from "../../refusal.ts";
import { GrantTypeRefusal, issuedType, readTokenRequest } from "./token-request.ts";

export interface OAuthOptions {
  exchange: Exchange;
  onError: ErrorHandler;
  addressOf: (request: Request) => string | null;
  /** Told who has got a token, for the access log. */
  onIssued: (request: Request, issued: { team: string; token: string }) => void;
}

/** RFC 6749, 5.1: no cache may keep a token. */
const uncached = { "cache-control": "no-store", pragma: "no-cache" };

/** Token exchange (RFC 8693): a CI job gives the token that its service has signed, and gets one of larder's. */
export function oauth({ exchange, onError, addressOf, onIssued }: OAuthOptions) {
  return new Elysia({ name: "token-exchange" })
    .onError(async (thrown) => {
      const answer = await onError()(thrown);
      return thrown.error instanceof Refusal ? oauthAnswer(thrown.error, answer) : answer;
    })
    .post(
      "/oauth/token",
      async ({ request }) => {
        const address = addressOf(request);
        exchange.admit(address);
        const { subjectToken, team } = await readTokenRequest(request);
        const { token, policy } = await exchange.exchange({ subjectToken, team, address });
        onIssued(request, { team: policy.teamSlug, token: token.name });
        return Response.json(
          {
            access_token: token.secret,
            issued_token_type: issuedType,
            token_type: "Bearer",
            expires_in: Math.round(((token.expiresAt as number) - token.createdAt) / 1000),
            scope: token.permission,
            // These four are larder's own.
            team: policy.teamSlug,
            team_id: policy.teamId,
            trust: token.scope === "" ? "trusted" : token.scope,
            policy: policy.id,
          },
          { headers: uncached },
        );
      },
      { parse: "none" },
    )
    .use(onlyMethods("/oauth/token", "POST"));
}

/**
 * RFC 8693, 2.2.2: whatever is wrong with the subject token, also in the eyes of a policy, is `invalid_request`, and
 * `invalid_target` what it may not be used for. The last one is OpenID Connect's word for what may go by itself.
 */
const errorOf: Partial<Record<RefusalCode, string>> = {
  wrong_team: "invalid_target",
  unavailable: "temporarily_unavailable",
  too_many_requests: "temporarily_unavailable",
};
/** Where RFC 6749, 5.2, and its 400 do not say enough. */
const ownStatuses = [413, 429, 499, 503];

/** The same refusal in OAuth's words, with larder's own beside them. */
function oauthAnswer(refusal: Refusal, { status, headers }: Response): Response {
  for (const [name, value] of Object.entries(uncached)) headers.set(name, value);
  const { code, message } = refusal;
  const error =
    refusal instanceof GrantTypeRefusal ? "unsupported_grant_type" : (errorOf[code] ?? "invalid_request");
  return Response.json(
    { error, error_description: described(message), code, message },
    { status: ownStatuses.includes(status) ? status : 400, headers },
  );
}

/** RFC 6749, 5.2: printable ASCII without quotes and backslashes. */
function described(message: string): string {
  return message.replaceAll('"', "'").replaceAll(/[^ -~]|\\/gu, "?");
}
