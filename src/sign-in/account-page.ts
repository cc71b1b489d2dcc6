import type { SignedIn } from "../http/browser-session.ts";
import { type Html, html } from "../http/html.ts";
import { page } from "../http/page.ts";
import type { MemberRole } from "../identity/members.ts";
import type { Session } from "../identity/sessions.ts";
import type { Team } from "../identity/teams.ts";
import type { Token } from "../identity/tokens.ts";
import { field, hiddenField, hiddenUsername } from "./field.ts";
import { type FieldErrors, firstWrong, newPasswordFields } from "./new-password.ts";

interface TeamRole {
  team: Team;
  role: MemberRole;
}

/** What a user's issuer is called. */
export interface OidcProviderName {
  issuer: string;
  name: string;
}

export interface AccountPageOptions {
  path: (route: string) => string;
  signedIn: SignedIn;
  teams: TeamRole[];
  /** That of single sign-on, if there is one. */
  oidcProvider: OidcProviderName | undefined;
  sessions: (Session & { isCurrent: boolean })[];
  /** Those that still count. */
  tokens: Token[];
  /** What has just been done. */
  notice: Html | undefined;
  /** What is wrong with the form to change the password. */
  wrong: FieldErrors;
}

/** Who somebody is, where signed in, and what acts in that one's name. */
export function accountPage({
  path,
  signedIn,
  teams,
  oidcProvider,
  sessions,
  tokens,
  notice,
  wrong,
}: AccountPageOptions): Response {
  const { user, csrfToken } = signedIn;
  const csrf = hiddenField("csrf", csrfToken);
  const isWrong = Object.keys(wrong).length > 0;
  const focused = firstWrong(wrong, ["current", "password", "repeated"]);
  return page({
    title: isWrong ? "Error: Your account" : "Your account",
    status: isWrong ? 400 : 200,
    isWide: true,
    body: html`<p><a href="${path("/dashboard")}">To the dashboard</a></p>
<h1>${user.name}</h1>
${notice}
<dl>
<dt>E-mail address</dt><dd>${user.email}</dd>
<dt>Role</dt><dd>${user.role === "admin" ? "Administrator of this server" : "Member"}</dd>
<dt>Teams</dt><dd>${teamsText(signedIn, teams)}</dd>
<dt>Signs in with</dt><dd>${waysIn(signedIn, oidcProvider)}</dd>
</dl>
<form method="post" action="${path("/sign-out")}">${csrf}<button class="quiet">Sign out</button></form>

<h2>Your tokens</h2>
${
  tokens.length === 0 &&
  html`<p class="soft">None. <code>turbo login</code> creates one, and the dashboard's page Tokens does.</p>`
}
${
  tokens.length > 0 &&
  html`<ul class="list">${tokens.map((token) => tokenItem(token, path("/account/tokens/revoke"), csrf))}</ul>`
}

<h2>Where you are signed in</h2>
<ul class="list">${sessions.map(sessionItem)}</ul>
<form method="post" action="${path("/sign-out-everywhere")}">${csrf}<button class="quiet">Sign out everywhere</button></form>

${
  user.hasPassword &&
  html`<h2 id="password-title">Change your password</h2>
<p class="soft">Other browsers in which you are signed in will be signed out.</p>
<form method="post" action="${path("/account/password")}" aria-labelledby="password-title">${csrf}
${hiddenUsername(user.email)}${field({
  name: "current",
  label: "Current password",
  type: "password",
  autocomplete: "current-password",
  error: wrong.current,
  autofocus: focused === "current",
})}${newPasswordFields(wrong, focused)}<button>Change password</button>
</form>`
}`,
  });
}

function teamsText({ user }: SignedIn, teams: TeamRole[]): string {
  if (user.role === "admin") return "All";
  return (
    teams.map(({ team, role }) => `${team.name} (${role})`).join(", ") ||
    "None yet. An administrator can add you to one."
  );
}

function waysIn({ user }: SignedIn, provider: OidcProviderName | undefined): string {
  const ways = [
    user.hasPassword && "a password",
    user.oidcIssuer !== null &&
      (user.oidcIssuer === provider?.issuer ? provider.name : `single sign-on (${user.oidcIssuer})`),
  ];
  return ways.filter(Boolean).join(", or ") || "a link";
}

function tokenItem(token: Token, action: string, csrf: Html): Html {
  return html`<li><div><strong>${token.name}</strong><br>
<span class="soft">made ${time(token.createdAt)}, ${
    token.expiresAt === null
      ? "does not expire"
      : html`${token.expiresAt <= Date.now() ? "expired" : "expires"} ${time(token.expiresAt)}`
  }, ${token.lastUsedAt === null ? "not used yet" : html`last used ${time(token.lastUsedAt)}`}</span></div>
<form method="post" action="${action}">${csrf}${hiddenField("id", token.id)}<button class="quiet" aria-label="Revoke ${token.name}">Revoke</button></form></li>
`;
}

function sessionItem({
  client,
  address,
  createdAt,
  expiresAt,
  isCurrent,
}: Session & { isCurrent: boolean }): Html {
  return html`<li><div><strong>${browserName(client)}</strong>${isCurrent && html`<span class="tag">this one</span>`}<br>
<span class="soft">${address !== null && html`from ${address}, `}since ${time(createdAt)}, until ${time(expiresAt)}</span></div></li>
`;
}

/** In the form that is the same everywhere: a page without scripts knows no time zone of its reader. */
function time(timeMs: number): Html {
  const iso = new Date(timeMs).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}

/** Browsers call themselves by each other's names; the first of these that fits is it. */
const browsers: [RegExp, string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\/|\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const systems: [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b|\biPad\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b|\bCrOS\b/, "Linux"],
];

function browserName(client: string | null): string {
  if (client === null) return "A browser";
  const browser = browsers.find(([pattern]) => pattern.test(client))?.[1];
  const system = systems.find(([pattern]) => pattern.test(client))?.[1];
  if (browser === undefined) return client.slice(0, 60);
  return system === undefined ? browser : `${browser} on ${system}`;
}
