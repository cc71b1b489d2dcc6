import { Elysia } from "elysia";
import type { Database } from "../database/database.ts";
import type { BrowserSessions } from "../http/browser-session.ts";
import type { Site } from "../http/site.ts";
import type { Links } from "../identity/links.ts";
import type { PasswordSignIn } from "../identity/password-sign-in.ts";
import type { Sessions } from "../identity/sessions.ts";
import type { Users } from "../identity/users.ts";
import { accountRoutes } from "./account.ts";
import type { OidcProviderName } from "./account-page.ts";
import type { PageErrors } from "./error-page.ts";
import { passwordRoutes } from "./password.ts";
import { setupRoutes } from "./setup.ts";
import { type SignInChoice, signInRoutes } from "./sign-in.ts";

export interface PagesOptions {
  site: Site;
  browserSessions: BrowserSessions;
  database: Database;
  users: Users;
  sessions: Sessions;
  links: Links;
  passwordSignIn: PasswordSignIn;
  /** Other ways to sign in, beside the password. */
  choices: readonly SignInChoice[];
  /** Whom one of these leads to, if it is single sign-on. */
  oidcProvider: OidcProviderName | undefined;
  addressOf: (request: Request) => string | null;
  errors: PageErrors;
}

/** The pages for people: to set larder up, to sign in and out, to choose a password, and to see one's own account. */
export function pages(options: PagesOptions) {
  return new Elysia({ name: "pages" })
    .onError(options.errors)
    .use(setupRoutes(options))
    .use(signInRoutes(options))
    .use(passwordRoutes(options))
    .use(accountRoutes(options));
}
