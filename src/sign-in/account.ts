import { Elysia } from "elysia";
import type { SignedIn } from "../http/browser-session.ts";
import type { Html } from "../http/html.ts";
import { Members } from "../identity/members.ts";
import { userActor } from "../identity/sessions.ts";
import type { SignInProof } from "../identity/sign-in-proof.ts";
import { type Token, Tokens } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";
import { accountPage } from "./account-page.ts";
import { onlyPageMethods } from "./error-page.ts";
import { type FieldErrors, newPasswordErrors } from "./new-password.ts";
import { notice, noticeOf, withNotice } from "./notice.ts";
import type { PagesOptions } from "./pages.ts";

/** `/account` and what can be done there: revoke one's tokens, and change one's password. */
export function accountRoutes({
  site,
  browserSessions,
  database,
  users,
  passwordSignIn,
  oidcProvider,
  addressOf,
  errors,
}: PagesOptions) {
  const show = async ({ request }: { request: Request }) => {
    const signedIn = await browserSessions.signedIn(request);
    return signedIn ? await account(request, signedIn) : site.redirectToSignIn(request);
  };

  const revoke = async ({ request }: { request: Request }) => {
    const signedIn = await browserSessions.signedIn(request);
    if (!signedIn) return site.redirectToSignIn(request);
    const form = await browserSessions.readForm(request, signedIn);
    const tokens = tokensBy(request, signedIn);
    const own = await tokens.list({ userId: signedIn.user.id });
    const token = own.find(({ id }) => id === form.get("id"));
    if (!token)
      throw new Refusal("not_found", "You have no such token. Reload the page to see those that you have.");
    await tokens.revoke(token.id);
    return site.redirect(request, withNotice("/account", "token-revoked", { token: token.id }));
  };

  const changePassword = async ({ request }: { request: Request }) => {
    const signedIn = await browserSessions.signedIn(request);
    if (!signedIn) return site.redirectToSignIn(request);
    const form = await browserSessions.readForm(request, signedIn);
    const { user } = signedIn;
    const address = addressOf(request);
    const wrong = newPasswordErrors(form, user.email);
    if (Object.keys(wrong).length > 0) return await account(request, signedIn, wrong);
    let proof: SignInProof;
    try {
      // Whoever finds a browser unlocked must not become its user for good.
      proof = await passwordSignIn.verify(user.email, form.get("current") ?? "", address);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const message = error.code === "unauthorized" ? "This is not your password." : error.message;
      return await account(request, signedIn, { current: message });
    }
    try {
      const changed = await users.changePassword(proof, form.get("password") ?? "", address);
      const cookies = await browserSessions.open(request, changed);
      return site.redirect(request, withNotice("/account", "password-changed"), cookies);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "unauthorized") throw error;
      // Somebody else changed the account meanwhile, which has ended this session.
      return site.redirectToSignIn(request);
    }
  };

  async function account(request: Request, signedIn: SignedIn, wrong: FieldErrors = {}): Promise<Response> {
    const tokens = await tokensBy(request, signedIn).list({ userId: signedIn.user.id });
    return accountPage({
      path: (route) => site.path(request, route),
      signedIn,
      oidcProvider,
      teams: await new Members(database, userActor(signedIn.user, null)).teamsOf(signedIn.user.id),
      sessions: await browserSessions.list(request, signedIn),
      tokens: tokens.filter(({ revokedAt }) => revokedAt === null),
      notice: noticeFor(request, tokens),
      wrong,
    });
  }

  /** Names the token that is revoked; an address that names another has nothing to say. */
  function noticeFor(request: Request, tokens: readonly Token[]): Html | undefined {
    const code = noticeOf(request, "password-changed", "token-revoked");
    if (code !== "token-revoked") return notice(code);
    const id = new URL(request.url).searchParams.get("token");
    const token = tokens.find((one) => one.id === id && one.revokedAt !== null);
    return token && notice(code, `The token “${token.name}” is revoked.`);
  }

  function tokensBy(request: Request, { user }: SignedIn): Tokens {
    return new Tokens(database, userActor(user, addressOf(request)));
  }

  return new Elysia()
    .get("/account", show)
    .head("/account", show)
    .use(onlyPageMethods("/account", errors, "GET", "HEAD"))
    .post("/account/tokens/revoke", revoke, { parse: "none" })
    .use(onlyPageMethods("/account/tokens/revoke", errors, "POST"))
    .post("/account/password", changePassword, { parse: "none" })
    .use(onlyPageMethods("/account/password", errors, "POST"));
}
