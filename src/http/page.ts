import { Html, html } from "./html.ts";
import { style } from "./style.ts";

export interface PageOptions {
  /** Also what the browser's tab says, before the server's name. */
  title: string;
  /** What stands in `main`; it begins with the page's `h1`. */
  body: Html;
  /** 200, if not said. */
  status?: number;
  headers?: HeadersInit;
  /** Origins besides our own to which a form of the page may lead, by redirection too. */
  formTargets?: readonly string[];
  /** A script that stands in the page, for those whose browser runs it. The page has to do without. */
  script?: string;
  /** For pages with lists; those with a form are narrow. */
  isWide?: boolean;
}

/** A page as the answer to a request. Complete in itself: the browser may fetch nothing, and run nothing but `script`. */
export function page({
  title,
  body,
  status = 200,
  headers,
  formTargets = [],
  script,
  isWide = false,
}: PageOptions): Response {
  const document = html`<!doctype html>
<html lang="en"${isWide && html` class="wide"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · larder</title>
<link rel="icon" href="${icon}">
<style>${new Html(style)}</style>
</head>
<body>
<header>${logo}<span>larder</span></header>
<main>
${body}
</main>${
    script !== undefined &&
    html`
<script>${new Html(script)}</script>`
  }
</body>
</html>
`;
  const answer = new Response(document.text, { status, headers: { ...pageHeaders } });
  for (const [name, value] of new Headers(headers)) answer.headers.append(name, value);
  answer.headers.set("content-security-policy", contentPolicy(formTargets, script));
  return answer;
}

/** Of every page, whatever its policy of content. */
export const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // With no-referrer browsers would send `Origin: null` with forms, which could then not be told from another site's.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const styleHash = hashOf(style);

function contentPolicy(formTargets: readonly string[], script: string | undefined): string {
  return [
    "default-src 'none'",
    `style-src ${styleHash}`,
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
    "img-src data:",
    `form-action ${["'self'", ...formTargets].join(" ")}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/** As a content security policy names an inline style or script (CSP 3, 2.3.1). */
function hashOf(text: string): string {
  return `'sha256-${Bun.SHA256.hash(text, "base64")}'`;
}

/** Three shelves in a cupboard. The dashboard's shell/logo.tsx draws the same. */
const shapes =
  '<rect x="4" y="3" width="24" height="26" rx="4" fill="none" stroke="currentColor" stroke-width="2.5"/>' +
  '<path d="M4 12h24M4 20.5h24" stroke="currentColor" stroke-width="2.5"/>' +
  '<path d="M9 12V7.5h4V12M16 20.5v-4h7v4M9 29v-4h5v4" fill="currentColor"/>';
export const logo = new Html(`<svg viewBox="0 0 32 32" aria-hidden="true">${shapes}</svg>`);
/** For the tab of the browser. */
export const icon = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#c2622a">${shapes}</svg>`,
)}`;
