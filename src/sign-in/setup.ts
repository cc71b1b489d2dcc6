import { Elysia } from "elysia";
import { html } from "../http/html.ts";
import { page } from "../http/page.ts";
import { checkEmail } from "../identity/email.ts";
import { badLink } from "../identity/links.ts";
import { checkName } from "../identity/names.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods } from "./error-page.ts";
import { field, formError, hiddenField } from "./field.ts";
import { fragmentScript } from "./fragment-script.ts";
import { linkCodePage } from "./link-code-page.ts";
import {
  type FieldErrors,
  firstWrong,
  newPasswordErrors,
  newPasswordFields,
  refusalOf,
} from "./new-password.ts";
import { homeRoute } from "./next-route.ts";
import { notSetUpPage } from "./not-set-up-page.ts";
import type { PagesOptions } from "./pages.ts";

/** `/`, and `/setup`, where the first administrator comes to be. */
export function setupRoutes({
  site,
  addressOf,
  browserSessions,
  users,
  links,
  choices,
  errors,
}: PagesOptions) {
  const home = async ({ request }: { request: Request }) => {
    if (await browserSessions.signedIn(request)) return site.redirect(request, homeRoute);
    if (await users.isSetUp()) return site.redirect(request, "/sign-in");
    const canSignIn = choices.length > 0 || (await users.hasAny());
    return notSetUpPage(canSignIn ? site.path(request, "/sign-in") : undefined);
  };

  const show = async ({ request }: { request: Request }) =>
    (await users.isSetUp()) ? done(request) : askForCode(request);

  const setUp = async ({ request }: { request: Request }) => {
    const sent = await browserSessions.readForm(request);
    if (await users.isSetUp()) return done(request);
    const [email, name, secret] = ["email", "name", "secret"].map((key) => (sent.get(key) ?? "").trim()) as [
      string,
      string,
      string,
    ];
    // Before anything is asked for, and before any password is hashed, which takes memory and time.
    if (!(await links.find(secret, "setup"))) return askForCode(request, secret, badLink("setup").message);
    if (!sent.has("email")) return form(request, sent);
    const wrong: FieldErrors = {
      email: refusalOf(() => checkEmail(email)),
      name: refusalOf(() => checkName(name)),
      ...newPasswordErrors(sent, email),
    };
    if (Object.values(wrong).some((message) => message !== undefined)) return form(request, sent, wrong);
    try {
      const user = { email, name, password: sent.get("password") ?? "" };
      const proof = await users.createFirst(user, secret, addressOf(request));
      return site.redirect(request, homeRoute, await browserSessions.open(request, proof));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return (await users.isSetUp()) ? done(request) : form(request, sent, { form: error.message });
    }
  };

  function askForCode(request: Request, code?: string, error?: string): Response {
    return linkCodePage({
      title: "Set up larder",
      intro: html`<p class="soft">Make the first account. It administers this server.</p>`,
      action: site.path(request, "/setup"),
      hint: "It begins with lrl_ and stands after the # of the link that larder printed when it started.",
      ...(code !== undefined && { code }),
      error,
    });
  }

  function form(request: Request, sent: URLSearchParams, wrong: FieldErrors = {}): Response {
    const isWrong = Object.values(wrong).some((message) => message !== undefined);
    const focused = firstWrong(wrong, ["email", "name", "password", "repeated"], "email");
    return page({
      title: isWrong ? "Error: Set up larder" : "Set up larder",
      status: isWrong ? 400 : 200,
      body: html`<h1>Set up larder</h1>
<p class="soft">Make the first account. It administers this server.</p>
${formError(wrong.form)}
<form method="post" action="${site.path(request, "/setup")}">
${hiddenField("secret", (sent.get("secret") ?? "").trim())}${field({
  name: "email",
  label: "E-mail address",
  type: "email",
  value: sent.get("email") ?? "",
  autocomplete: "username",
  hint: "To sign in with. larder sends no mail.",
  error: wrong.email,
  autofocus: focused === "email",
})}${field({
  name: "name",
  label: "Your name",
  value: sent.get("name") ?? "",
  autocomplete: "name",
  error: wrong.name,
  autofocus: focused === "name",
})}${newPasswordFields(wrong, focused)}<button class="full">Create account</button>
</form>`,
    });
  }

  function done(request: Request): Response {
    return page({
      title: "Set up already",
      status: request.method === "POST" ? 409 : 200,
      script: fragmentScript,
      body: html`<h1>Set up already</h1>
<p>This larder has its first administrator. Anybody else gets an account from an administrator.</p>
<p><a class="button" href="${site.path(request, "/sign-in")}">Sign in</a></p>`,
    });
  }

  return new Elysia()
    .get("/", home)
    .head("/", home)
    .use(onlyPageMethods("/", errors, "GET", "HEAD"))
    .get("/setup", show)
    .head("/setup", show)
    .post("/setup", setUp, { parse: "none" })
    .use(onlyPageMethods("/setup", errors, "GET", "HEAD", "POST"));
}
