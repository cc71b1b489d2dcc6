import { type Html, html } from "../http/html.ts";
import { page } from "../http/page.ts";
import { field } from "./field.ts";
import { fragmentScript } from "./fragment-script.ts";

export interface LinkCodePageOptions {
  title: string;
  intro: Html;
  /** Where the form leads. */
  action: string;
  /** Where the reader finds the code of the link. */
  hint: string;
  code?: string;
  /** Why the code that came cannot be. */
  error?: string | undefined;
}

/**
 * What a link with a secret opens, before anything is asked of its reader: a used or mistyped link is told at once, and the page
 * that follows knows whom it is for. With scripts nobody sees it; without them, the code is pasted here.
 */
export function linkCodePage({
  title,
  intro,
  action,
  hint,
  code = "",
  error,
}: LinkCodePageOptions): Response {
  return page({
    title: error === undefined ? title : `Error: ${title}`,
    status: error === undefined ? 200 : 400,
    script: fragmentScript,
    body: html`<h1>${title}</h1>
${intro}
<form method="post" action="${action}">
${field({ name: "secret", label: "Code of the link", value: code, autocomplete: "off", hint, error, autofocus: true })}
<button class="full">Continue</button>
</form>`,
  });
}
