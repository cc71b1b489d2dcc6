import type { SignedIn } from "../http/browser-session.ts";
import { type Html, html } from "../http/html.ts";
import { page } from "../http/page.ts";
import type { MemberRole } from "../identity/members.ts";
import type { Team } from "../identity/teams.ts";
import { hiddenField } from "./field.ts";
import type { LoopbackUrl } from "./loopback-url.ts";

/** Beyond it the page says how many more there are. */
const maxTeamsShown = 20;

/**
 * After `--sso-team` turbo sends the browser on to vercel.com, whatever the server is (2.11.11), which people who host their own
 * need not visit and may not reach. The policy of these pages does not name it, so Chromium stays where it is once turbo has
 * its answer, and this says so. Other browsers go on.
 */
const staysScript = `const form = document.querySelector("form");
form.addEventListener("submit", () => setTimeout(() => {
  form.hidden = true;
  const sent = document.getElementById("sent");
  sent.className = "notice good";
  sent.textContent = "Your answer has gone to turbo. The terminal says whether it worked. You can close this page.";
}));`;
const sentPlace = html`<p id="sent" role="status"></p>`;

/** With a token that looks after nothing, whatever else the user may. */
const may: Record<MemberRole, string> = {
  owner: "read and write",
  member: "read and write",
  viewer: "read",
};

interface ApprovalOptions {
  signedIn: SignedIn;
  loopback: LoopbackUrl;
  /** The team for which turbo asks, if it names one. */
  team: Team | undefined;
  /** Everything that the token will be good for. */
  grants: readonly { team: Team; role: MemberRole }[];
  /** From where the browser comes. */
  address: string | null;
  maxAgeMs: number | undefined;
  accountPath: string;
}

/** Says what is known of who asks, which is little: turbo tells neither the repository nor the machine. */
export function approvalPage(options: ApprovalOptions): Response {
  const { signedIn, loopback, team, grants, address, maxAgeMs, accountPath } = options;
  const { user, csrfToken } = signedIn;
  const shown = grants.slice(0, maxTeamsShown);
  const until =
    maxAgeMs === undefined ? undefined : new Date(Date.now() + maxAgeMs).toISOString().slice(0, 10);
  return page({
    title: "Sign turbo in",
    formTargets: [loopback.source],
    ...(team && { script: staysScript }),
    body: html`<h1>Sign turbo in?</h1>
<p>A program on this computer wants a token of yours${team && html` for team <strong>${team.name}</strong>`}.
Allow it only if you have just run <code>turbo login${team && html` --sso-team ${team.slug}`}</code> here.</p>
<dl>
<dt>You are</dt><dd>${user.name} (${user.email})</dd>
<dt>Who asks</dt><dd>A program that listens on port ${loopback.port} of this computer</dd>
${address !== null && html`<dt>Your address</dt><dd>${address}</dd>`}
<dt>Valid</dt><dd>${until === undefined ? "until you revoke it" : html`until ${until}, or until you revoke it`}
 in <a href="${accountPath}">your account</a></dd>
</dl>
${
  shown.length === 0
    ? noTeams
    : html`<p>The token may use the cache of your teams, and administer nothing:</p>
<ul>${shown.map(
        ({ team, role }) =>
          html`<li>${team.name}${team.name !== team.slug && ` (${team.slug})`}: ${may[role]}</li>`,
      )}</ul>
${grants.length > shown.length && html`<p>And in ${grants.length - shown.length} more teams.</p>`}`
}
<form method="post">
${hiddenField("csrf", csrfToken)}
<div class="row"><button name="decision" value="allow">Allow</button>
<button class="quiet" name="decision" value="deny">Deny</button></div>
${team && html`<p class="hint">Afterwards the terminal says whether it worked.</p>`}
</form>
${team && sentPlace}`,
  });
}

const noTeams: Html = html`<p class="notice bad">You are in no team yet, so the token cannot do anything until an administrator adds
you to one.</p>`;

/** @param teamName as turbo names it. */
export function noMemberPage({
  signedIn,
  loopback,
  teamName,
}: {
  signedIn: SignedIn;
  loopback: LoopbackUrl;
  teamName: string;
}): Response {
  return page({
    title: "Not your team",
    status: 403,
    formTargets: [loopback.source],
    script: staysScript,
    body: html`<h1>Not your team</h1>
<p>You, ${signedIn.user.email}, are not a member of a team <code>${teamName}</code>. Check its name in
<code>turbo login --sso-team</code>, or ask an administrator to add you.</p>
<form method="post">
${hiddenField("csrf", signedIn.csrfToken)}
<button class="quiet" name="decision" value="deny">Back to turbo</button>
</form>
${sentPlace}`,
  });
}

export function deniedPage(): Response {
  return page({
    title: "Denied",
    body: html`<h1>Denied</h1>
<p>No token was given. You can close this page, and end <code>turbo login</code> with Ctrl-C: it is not told, and waits.</p>`,
  });
}

/** Where turbo sends the browser once it has its token. */
export function signedInPage(): Response {
  return page({
    title: "turbo is signed in",
    body: html`<h1>turbo is signed in</h1>
<p>You can close this page and go back to the terminal. <code>turbo link</code> connects a repository to a team.</p>`,
  });
}
