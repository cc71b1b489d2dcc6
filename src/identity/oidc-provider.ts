import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  WWWAuthenticateChallengeError,
} from "openid-client";
import { Refusal } from "../refusal.ts";
import { type Claims, claimsOf, lacks } from "./oidc-claims.ts";
import type { OidcClaims } from "./sign-in-rules.ts";

export interface OidcProviderOptions {
  /** As the provider itself writes it. */
  issuer: string;
  clientId: string;
  /** Undefined for a public client, which PKCE alone protects. */
  clientSecret: string | undefined;
  /** What people know it by. */
  name: string;
  /** Separated by blanks. */
  scopes: string;
  groupsClaim: string;
  /** Whether groups matter, and have to be asked for where the ID token has none. */
  needsGroups: boolean;
  /** How long each of the requests to the provider may take. */
  timeoutMs?: number;
  /** Told why something failed, for the operator. Never a secret. */
  onFailure: (reason: string) => void;
}

/** What has to come back, or is to be shown, at the end of a sign-in; known to the browser that began it only. */
export interface OidcAttempt {
  state: string;
  nonce: string;
  /** RFC 7636: whoever catches the code on its way cannot use it. */
  codeVerifier: string;
}

/** Keys and addresses of a provider change, if seldom. */
const rediscoverAfterMs = 60 * 60_000;
/** Clocks differ. */
const clockToleranceSeconds = 30;

/** A provider of sign-ins, by the authorization code flow of OpenID Connect with PKCE. It is first asked when it is needed. */
export class OidcProvider {
  readonly issuer: string;
  readonly name: string;
  private known: { configuration: Promise<Configuration>; discoveredAt: number } | undefined;

  constructor(private readonly options: OidcProviderOptions) {
    this.issuer = options.issuer;
    this.name = options.name;
  }

  /**
   * Where to send the browser.
   * @throws Refusal `unavailable` while the provider cannot be reached.
   */
  async begin(redirectUri: string): Promise<{ url: URL; attempt: OidcAttempt }> {
    const configuration = await this.configuration();
    const attempt = {
      state: randomState(),
      nonce: randomNonce(),
      codeVerifier: randomPKCECodeVerifier(),
    };
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.options.scopes,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await calculatePKCECodeChallenge(attempt.codeVerifier),
      code_challenge_method: "S256",
    });
    return { url, attempt };
  }

  /**
   * Who has signed in.
   * @param callbackUrl the redirect URI that `begin` was given, with the query that the browser came back with.
   * @throws Refusal `forbidden` when the provider says no, `bad_request` when what came back is not what was sent for or does
   *   not prove anything, `unavailable` when the provider cannot be reached.
   */
  async finish(callbackUrl: URL, attempt: OidcAttempt): Promise<OidcClaims> {
    const configuration = await this.configuration();
    try {
      const answer = await authorizationCodeGrant(configuration, callbackUrl, {
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        pkceCodeVerifier: attempt.codeVerifier,
        idTokenExpected: true,
      });
      const idToken = answer.claims() as Claims & { iss: string; sub: string };
      const userInfo =
        this.shouldAsk(idToken) && configuration.serverMetadata().userinfo_endpoint
          ? await fetchUserInfo(configuration, answer.access_token, idToken.sub)
          : {};
      return {
        issuer: idToken.iss,
        subject: idToken.sub,
        ...claimsOf(idToken, userInfo, this.options.groupsClaim),
      };
    } catch (error) {
      throw this.refusalOf(error);
    }
  }

  /** Many providers keep ID tokens short. */
  private shouldAsk(idToken: Claims): boolean {
    const { groupsClaim, needsGroups } = this.options;
    return (
      lacks(idToken, "email") ||
      lacks(idToken, "email_verified") ||
      (needsGroups && lacks(idToken, groupsClaim))
    );
  }

  /** Of several sign-ins at once one asks; after a failure the next one asks again. */
  private configuration(): Promise<Configuration> {
    const now = Date.now();
    if (this.known && now - this.known.discoveredAt < rediscoverAfterMs) return this.known.configuration;
    const known = { configuration: this.discover(), discoveredAt: now };
    this.known = known;
    known.configuration.catch(() => {
      if (this.known === known) this.known = undefined;
    });
    return known.configuration;
  }

  private async discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret, timeoutMs = 10_000 } = this.options;
    const server = new URL(issuer);
    try {
      const configuration = await discovery(
        server,
        clientId,
        { [clockTolerance]: clockToleranceSeconds },
        clientSecret === undefined ? None() : withSecret(clientSecret),
        {
          timeout: timeoutMs / 1000,
          // The settings take http for this machine itself only. ID tokens come straight from the provider, so the library would
          // not look at their signatures without being asked to.
          execute: [
            ...(server.protocol === "http:" ? [allowInsecureRequests] : []),
            enableNonRepudiationChecks,
          ],
        },
      );
      // The library also takes the shared issuer of Entra ID, with which the people of any company may sign in.
      const found = configuration.serverMetadata();
      if (new URL(found.issuer).href !== server.href) throw new Error(`it calls itself ${found.issuer}`);
      const endpoint = URL.parse(found.authorization_endpoint ?? "");
      if (endpoint?.protocol !== "https:" && endpoint?.protocol !== server.protocol)
        throw new Error("it names no authorization_endpoint that speaks HTTPS");
      return configuration;
    } catch (error) {
      this.options.onFailure(`${issuer} could not be asked for its settings: ${reasonOf(error)}`);
      throw this.unavailable();
    }
  }

  private refusalOf(error: unknown): Refusal {
    const reason = reasonOf(error);
    this.options.onFailure(`a sign-in with ${this.options.issuer} failed: ${reason}`);
    if (error instanceof AuthorizationResponseError)
      return new Refusal("forbidden", `${this.name} did not sign you in: ${reason}.`);
    if (!isUnreached(error)) {
      return new Refusal(
        "bad_request",
        `The sign-in with ${this.name} could not be completed. Start again; if it keeps failing, the server's log says why.`,
      );
    }
    return this.unavailable();
  }

  private unavailable(): Refusal {
    return new Refusal(
      "unavailable",
      `${this.name} cannot be reached, or does not answer as it should. Try again in a minute; if it keeps failing, the ` +
        "server's log says why.",
      60,
    );
  }
}

/** In the header if the provider takes it there, which it does unless it says otherwise (OpenID Connect Discovery 1.0, 3). */
function withSecret(secret: string): ClientAuth {
  const basic = ClientSecretBasic(secret);
  const post = ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const isPost = methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
    (isPost ? post : basic)(server, client, body, headers);
  };
}

/** Unprintable characters could pass for other text in a log. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu;
const maxReasonLength = 300;

/** No answer, as opposed to one that is wrong. The library wraps what the network throws without a code of its own. */
function isUnreached(error: unknown): boolean {
  if (error instanceof ClientError) return error.code === undefined || error.code === "OAUTH_TIMEOUT";
  return !(error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError);
}

/** The errors' other properties hold whole answers, tokens included. */
function reasonOf(error: unknown): string {
  const told =
    error instanceof AuthorizationResponseError || error instanceof ResponseBodyError
      ? [error.error, error.error_description].filter(Boolean).join(", ")
      : messagesOf(error).join(": ");
  return told.replaceAll(unprintable, " ").slice(0, maxReasonLength);
}

function messagesOf(error: unknown): string[] {
  if (error instanceof Response) return [`status ${error.status}`];
  if (error instanceof WWWAuthenticateChallengeError)
    return [`status ${error.status}`, ...error.cause.flatMap(({ parameters }) => parameters.error ?? [])];
  if (!(error instanceof Error)) return [];
  return [error.message, ...messagesOf(error.cause)];
}
