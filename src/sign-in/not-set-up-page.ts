import { html } from "../http/html.ts";
import { page } from "../http/page.ts";

/** While there is no administrator. @param signInPath where people sign in all the same, if there is anybody who can. */
export function notSetUpPage(signInPath: string | undefined): Response {
  return page({
    title: "Not yet set up",
    body: html`<h1>This larder is not yet set up</h1>
<p>It serves build caches already, to whoever has a token. ${
      signInPath === undefined ? "To sign in here, it" : "It still"
    } needs its first administrator.</p>
<p>When it starts it prints a link to make that account, to its terminal or its service's log. The link works once, and
for an hour; each start prints a new one.</p>
<p class="hint">On its machine, <code>larder user create you@example.org --role admin</code> does it, too.</p>
${signInPath !== undefined && html`<p><a class="button" href="${signInPath}">Sign in</a></p>`}`,
  });
}
