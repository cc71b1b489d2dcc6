import { Elysia } from "elysia";
import { html } from "../http/html.ts";
import { page } from "../http/page.ts";
import { userActor } from "../identity/sessions.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods } from "./error-page.ts";
import { field, formError, hiddenField } from "./field.ts";
import { nextRoute } from "./next-route.ts";
import { notSetUpPage } from "./not-set-up-page.ts";
import { notice, noticeOf, withNotice } from "./notice.ts";
import type { PagesOptions } from "./pages.ts";

/** Another way to sign in than with a password: a button that leads to a route of ours, with `next` in its query. */
export interface SignInChoice {
  /** What the button says, such as `Sign in with Example`. */
  label: string;
  route: string;
}

/** `/sign-in`, `/sign-out` and `/sign-out-everywhere`. */
export function signInRoutes({
  site,
  browserSessions,
  users,
  sessions,
  passwordSignIn,
  choices,
  addressOf,
  errors,
}: PagesOptions) {
  const show = async ({ request }: { request: Request }) => {
    const next = nextRoute(new URL(request.url).searchParams.get("next"));
    if (await browserSessions.signedIn(request)) return site.redirect(request, next);
    if (choices.length === 0 && !(await users.hasAny())) return notSetUpPage(undefined);
    return form(request, next);
  };

  const signIn = async ({ request }: { request: Request }) => {
    const sent = await browserSessions.readForm(request);
    const [email, password] = [(sent.get("email") ?? "").trim(), sent.get("password") ?? ""];
    const next = nextRoute(sent.get("next"));
    try {
      const proof = await passwordSignIn.verify(email, password, addressOf(request));
      return site.redirect(request, next, await browserSessions.open(request, proof));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return form(request, next, { email, refusal: error });
    }
  };

  const signOut = async ({ request }: { request: Request }) => {
    const signedIn = await browserSessions.signedIn(request);
    await browserSessions.readForm(request, signedIn);
    const cookies = await browserSessions.close(request);
    return site.redirect(request, withNotice("/sign-in", "signed-out"), cookies);
  };

  const signOutEverywhere = async ({ request }: { request: Request }) => {
    const signedIn = await browserSessions.signedIn(request);
    await browserSessions.readForm(request, signedIn);
    if (signedIn) {
      await sessions.closeAll(signedIn.user.id, userActor(signedIn.user, addressOf(request)));
    }
    const cookies = await browserSessions.close(request);
    return site.redirect(request, withNotice("/sign-in", "signed-out-everywhere"), cookies);
  };

  /** @param tried what came of the last attempt. */
  function form(request: Request, next: string, tried?: { email: string; refusal: Refusal }): Response {
    const error = tried?.refusal.message;
    const seconds = tried?.refusal.retryAfterSeconds;
    const describedBy = error === undefined ? undefined : "form-error";
    return page({
      title: error === undefined ? "Sign in" : "Error: Sign in",
      // No 401: it would have to name a scheme of HTTP that would do (RFC 9110, 15.5.2).
      status: !tried ? 200 : tried.refusal.code === "too_many_requests" ? 429 : 403,
      headers: seconds === undefined ? {} : { "retry-after": String(seconds) },
      body: html`<h1>Sign in</h1>
${notice(noticeOf(request, "signed-out", "signed-out-everywhere", "session-ended"))}
<p class="soft">${choices.length === 0 ? "With the account that an administrator has made for you." : "With single sign-on, or with the password of an account here."}</p>
${formError(error)}
<form method="post" action="${site.path(request, "/sign-in")}">
${hiddenField("next", next)}
${field({
  name: "email",
  label: "E-mail address",
  type: "email",
  value: tried?.email ?? "",
  autocomplete: "username",
  describedBy,
  autofocus: tried === undefined,
})}${field({
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
  describedBy,
  autofocus: tried !== undefined,
})}<button class="full">Sign in</button>
</form>
${choices.map(
  ({ label, route }) =>
    html`<p><a class="button quiet full" href="${site.path(request, route)}?${new URLSearchParams({ next }).toString()}">${label}</a></p>`,
)}
<p class="hint">No password yet, or forgotten? An administrator can give you a link to choose one.</p>`,
    });
  }

  return new Elysia()
    .get("/sign-in", show)
    .head("/sign-in", show)
    .post("/sign-in", signIn, { parse: "none" })
    .use(onlyPageMethods("/sign-in", errors, "GET", "HEAD", "POST"))
    .post("/sign-out", signOut, { parse: "none" })
    .use(onlyPageMethods("/sign-out", errors, "POST"))
    .post("/sign-out-everywhere", signOutEverywhere, { parse: "none" })
    .use(onlyPageMethods("/sign-out-everywhere", errors, "POST"));
}
