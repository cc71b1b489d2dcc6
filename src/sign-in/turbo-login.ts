import { Elysia } from "elysia";
import type { SignedIn } from "../http/browser-session.ts";
import { signInRoute } from "../http/site.ts";
import type { ClientLogins } from "../identity/client-logins.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods } from "./error-page.ts";
import { type LoopbackUrl, parseLoopbackUrl } from "./loopback-url.ts";
import type { PagesOptions } from "./pages.ts";
import { approvalPage, deniedPage, noMemberPage, signedInPage } from "./turbo-login-page.ts";

export interface TurboLoginOptions
  extends Pick<PagesOptions, "site" | "browserSessions" | "addressOf" | "errors"> {
  logins: ClientLogins;
}

/** Long beyond any that a client sends: turbo's has 32 letters (2.11.11). */
const maxStateLength = 512;
const maxTeamLength = 100;

/** What a client asks for, as it stands in the address of the page that it opens. */
interface Asked {
  loopback: LoopbackUrl;
  /** To be given back as it came. turbo before 2.9.14 sends none. */
  state: string | undefined;
  /** The slug or id of the team for which `turbo login --sso-team` asks. */
  teamName: string | undefined;
}

/**
 * The pages that `turbo login` opens in a browser: who is signed in there allows a token, which then goes to the program that
 * waits on the browser's own computer. Nothing of it stands in an address of ours: with `--sso-team` turbo gets a link, and
 * fetches the token itself.
 */
export function turboLogin(options: TurboLoginOptions) {
  const { errors } = options;
  const login = loginRoute(options, "redirect_uri", async ({ asked, signedIn, address }) => {
    const day = new Date().toISOString().slice(0, 10);
    const name = `turbo login${address === null ? "" : ` from ${address}`}, ${day}`;
    const token = await options.logins.createToken(signedIn.user, name, address);
    return asked.loopback.with({ token, state: asked.state });
  });
  const teamLogin = loginRoute(options, "next", async ({ asked, signedIn, teamId }) => {
    if (teamId === undefined) throw new Refusal("forbidden", "You are not a member of this team.");
    const token = await options.logins.createLink(signedIn.user, teamId);
    return asked.loopback.with({ token, email: signedIn.user.email, state: asked.state });
  });
  const success = () => signedInPage();
  // turbo adds its path to a TURBO_LOGIN with a path as that stands, so a slash at its end comes out doubled (2.11.11).
  const undouble = ({ request }: { request: Request }) =>
    options.site.redirect(request, options.site.routeOf(request).slice(1));

  return new Elysia({ name: "turbo-login" })
    .onError(errors)
    .get("//turborepo/token", undouble)
    .get("//api/auth/sso", undouble)
    .get("//turborepo/success", undouble)
    .get("/turborepo/token", login.show)
    .head("/turborepo/token", login.show)
    .post("/turborepo/token", login.decide, { parse: "none" })
    .use(onlyPageMethods("/turborepo/token", errors, "GET", "HEAD", "POST"))
    .get("/api/auth/sso", teamLogin.show)
    .head("/api/auth/sso", teamLogin.show)
    .post("/api/auth/sso", teamLogin.decide, { parse: "none" })
    .use(onlyPageMethods("/api/auth/sso", errors, "GET", "HEAD", "POST"))
    .get("/turborepo/success", success)
    .head("/turborepo/success", success)
    .use(onlyPageMethods("/turborepo/success", errors, "GET", "HEAD"));
}

interface Approved {
  asked: Asked;
  signedIn: SignedIn;
  address: string | null;
  /** The team that was asked for, if the user has it. */
  teamId: string | undefined;
}

/** @param approve makes what was asked for, and tells where the browser brings it. */
function loginRoute(
  { site, browserSessions, addressOf, logins }: TurboLoginOptions,
  returnParameter: "redirect_uri" | "next",
  approve: (approved: Approved) => Promise<string>,
) {
  const isForTeam = returnParameter === "next";

  const show = async ({ request }: { request: Request }) => {
    const asked = askedIn(request, returnParameter);
    const signedIn = await browserSessions.signedIn(request);
    if (!signedIn) return site.redirectToSignIn(request);
    const { grants, team } = await teamsFor(asked, signedIn);
    const view = { signedIn, loopback: asked.loopback };
    if (isForTeam && !team) return noMemberPage({ ...view, teamName: asked.teamName ?? "" });
    return approvalPage({
      ...view,
      team,
      grants,
      address: addressOf(request),
      maxAgeMs: logins.maxAgeMs,
      accountPath: site.path(request, "/account"),
    });
  };

  const decide = async ({ request }: { request: Request }) => {
    const asked = askedIn(request, returnParameter);
    const signedIn = await browserSessions.signedIn(request);
    if (!signedIn) return site.redirect(request, signInRoute(site.routeOf(request)));
    const form = await browserSessions.readForm(request, signedIn);
    if (form.get("decision") !== "allow") {
      if (!isForTeam) return deniedPage();
      return sendBack(
        asked.loopback.with({ loginError: "The sign-in was denied in the browser.", state: asked.state }),
      );
    }
    const { team } = await teamsFor(asked, signedIn);
    return sendBack(await approve({ asked, signedIn, address: addressOf(request), teamId: team?.id }));
  };

  async function teamsFor({ teamName }: Asked, { user }: SignedIn) {
    const grants = await logins.grantsOf(user);
    const team = grants.find(({ team: { id, slug } }) => teamName === slug || teamName === id)?.team;
    return { grants, team };
  }

  return { show, decide };
}

/** @throws Refusal `bad_request`. */
function askedIn(request: Request, returnParameter: string): Asked {
  const query = new URL(request.url).searchParams;
  const loopback = parseLoopbackUrl(query.get(returnParameter) ?? "");
  if (!loopback) {
    throw new Refusal(
      "bad_request",
      "This address would send a token to somewhere else than a program on this computer. Run `turbo login` again, and " +
        "open no such address that somebody else gave you.",
    );
  }
  const state = query.get("state") ?? undefined;
  const teamName = query.get("teamId") ?? undefined;
  if ((state?.length ?? 0) > maxStateLength || (teamName?.length ?? 0) > maxTeamLength) {
    throw new Refusal("bad_request", "This address is too long. Run `turbo login` again.");
  }
  return { loopback, state, teamName };
}

function sendBack(location: string): Response {
  return new Response(null, {
    status: 302,
    headers: { location, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}
