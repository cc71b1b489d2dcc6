import { Elysia } from "elysia";
import { badLink } from "../identity/links.ts";
import type { SignInProof } from "../identity/sign-in-proof.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods } from "./error-page.ts";
import { field, formError } from "./field.ts";
import { fragmentScript } from "./fragment-script.ts";
import { html } from "./html.ts";
import { type FieldErrors, firstWrong, newPasswordErrors, newPasswordFields } from "./new-password.ts";
import { homeRoute } from "./next-route.ts";
import { page } from "./page.ts";
import type { PagesOptions } from "./pages.ts";

/** `/password`, where whoever has a link for it chooses a password, and is signed in with it. */
export function passwordRoutes({ site, browserSessions, users, links, addressOf, errors }: PagesOptions) {
  const show = ({ request }: { request: Request }) => form(request, "");

  const choose = async ({ request }: { request: Request }) => {
    const sent = await browserSessions.readForm(request);
    const secret = (sent.get("secret") ?? "").trim();
    // Before any password is hashed, which takes memory and time.
    if (!(await links.find(secret, "password")))
      return form(request, secret, { secret: badLink("password").message });
    const wrong = newPasswordErrors(sent);
    if (Object.keys(wrong).length > 0) return form(request, secret, wrong);
    let proof: SignInProof;
    try {
      proof = await users.setPasswordByLink(secret, sent.get("password") ?? "", addressOf(request));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return form(request, secret, { form: error.message });
    }
    try {
      return site.redirect(request, homeRoute, await browserSessions.open(request, proof));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "unauthorized") throw error;
      // The link is used up, so its form would be of no use.
      return site.redirectToSignIn(request);
    }
  };

  function form(request: Request, secret: string, wrong: FieldErrors = {}): Response {
    const isWrong = Object.keys(wrong).length > 0;
    const focused = firstWrong(wrong, ["secret", "repeated"], "password");
    return page({
      title: isWrong ? "Error: Choose a password" : "Choose a password",
      status: isWrong ? 400 : 200,
      script: fragmentScript,
      body: html`<h1>Choose a password</h1>
<p class="soft">Other browsers in which you are signed in will be signed out.</p>
${formError(wrong.form)}
<form method="post" action="${site.path(request, "/password")}">
${field({
  name: "secret",
  label: "Code of the link",
  value: secret,
  autocomplete: "off",
  hint: "It begins with lrl_ and stands after the # of the link that you were given.",
  error: wrong.secret,
  autofocus: focused === "secret",
})}${newPasswordFields(wrong, focused)}<button class="full">Set password and sign in</button>
</form>`,
    });
  }

  return new Elysia()
    .get("/password", show)
    .head("/password", show)
    .post("/password", choose, { parse: "none" })
    .use(onlyPageMethods("/password", errors, "GET", "HEAD", "POST"));
}
