import { Elysia } from "elysia";
import { html } from "../http/html.ts";
import { page } from "../http/page.ts";
import { badLink } from "../identity/links.ts";
import type { SignInProof } from "../identity/sign-in-proof.ts";
import type { User } from "../identity/users.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods } from "./error-page.ts";
import { formError, hiddenField, hiddenUsername } from "./field.ts";
import { linkCodePage } from "./link-code-page.ts";
import { type FieldErrors, firstWrong, newPasswordErrors, newPasswordFields } from "./new-password.ts";
import { homeRoute } from "./next-route.ts";
import type { PagesOptions } from "./pages.ts";

/** `/password`, where whoever has a link for it chooses a password, and is signed in with it: first the link, then the password. */
export function passwordRoutes({ site, browserSessions, users, links, addressOf, errors }: PagesOptions) {
  const show = ({ request }: { request: Request }) => askForCode(request);

  const choose = async ({ request }: { request: Request }) => {
    const sent = await browserSessions.readForm(request);
    const secret = (sent.get("secret") ?? "").trim();
    // Before any password is asked for, let alone hashed, which takes memory and time.
    const link = await links.find(secret, "password");
    const invited = link && (await users.find(link.userId ?? ""));
    if (!invited || invited.disabledAt !== null)
      return askForCode(request, secret, badLink("password").message);
    if (!sent.has("password")) return form(request, secret, invited);
    const wrong = newPasswordErrors(sent, invited.email);
    if (Object.keys(wrong).length > 0) return form(request, secret, invited, wrong);
    let proof: SignInProof;
    try {
      proof = await users.setPasswordByLink(secret, sent.get("password") ?? "", addressOf(request));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return form(request, secret, invited, { form: error.message });
    }
    try {
      return site.redirect(request, homeRoute, await browserSessions.open(request, proof));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "unauthorized") throw error;
      // The link is used up, so its form would be of no use.
      return site.redirectToSignIn(request);
    }
  };

  function askForCode(request: Request, code?: string, error?: string): Response {
    return linkCodePage({
      title: "Choose a password",
      intro: html`<p class="soft">With the link that an administrator has given you.</p>`,
      action: site.path(request, "/password"),
      hint: "It begins with lrl_ and stands after the # of the link.",
      ...(code !== undefined && { code }),
      error,
    });
  }

  function form(request: Request, secret: string, user: User, wrong: FieldErrors = {}): Response {
    const isWrong = Object.keys(wrong).length > 0;
    const focused = firstWrong(wrong, ["repeated"], "password");
    const title = user.hasPassword ? "Choose a new password" : "Choose a password";
    const isNew = !user.hasPassword && user.lastSignInAt === null;
    return page({
      title: isWrong ? `Error: ${title}` : title,
      status: isWrong ? 400 : 200,
      body: html`<h1>${isNew ? `Welcome, ${user.name}` : title}</h1>
<p class="soft">${isNew ? "Choose a password for your account" : "For the account"} <strong>${user.email}</strong>.${
        !isNew && " Browsers in which you are signed in will be signed out."
      }</p>
${formError(wrong.form)}
<form method="post" action="${site.path(request, "/password")}">
${hiddenField("secret", secret)}${hiddenUsername(user.email)}${newPasswordFields(wrong, focused)}<button class="full">Set password and sign in</button>
</form>`,
    });
  }

  return new Elysia()
    .get("/password", show)
    .head("/password", show)
    .post("/password", choose, { parse: "none" })
    .use(onlyPageMethods("/password", errors, "GET", "HEAD", "POST"));
}
