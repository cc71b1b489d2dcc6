import { readFileSync } from "node:fs";
import { Elysia } from "elysia";
import type { BrowserSessions } from "../http/browser-session.ts";
import { html } from "../http/html.ts";
import { icon, logo, pageHeaders } from "../http/page.ts";
import type { Site } from "../http/site.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods, type PageErrors } from "../sign-in/error-page.ts";
import { dashboard as built } from "../web/built/dashboard.ts";

const dashboardPath = "/dashboard";
const filesPath = `${dashboardPath}/files`;

export interface DashboardOptions {
  site: Site;
  browserSessions: BrowserSessions;
  errors: PageErrors;
}

/**
 * The dashboard: one page for all addresses below its path, for whoever is signed in, and the files that this page loads, for
 * anybody. What it shows it asks the API for.
 */
export function dashboard({ site, browserSessions, errors }: DashboardOptions) {
  const files = readFiles();

  const show = async ({ request }: { request: Request }) =>
    (await browserSessions.signedIn(request))
      ? indexPage(site.prefix(request))
      : site.redirectToSignIn(request);

  const file = ({ request, params }: { request: Request; params: { name: string } }) => {
    const found = files.get(params.name);
    // After an update of larder, a page that was open still asks for files of before.
    if (!found)
      throw new Refusal(
        "not_found",
        "The dashboard has no such file any more. Reload the page for the new one.",
      );
    return fileAnswer(request, params.name, found);
  };

  return new Elysia({ name: "dashboard" })
    .onError(errors)
    .get(`${filesPath}/:name`, file)
    .head(`${filesPath}/:name`, file)
    .get(dashboardPath, show)
    .head(dashboardPath, show)
    .get(`${dashboardPath}/*`, show)
    .head(`${dashboardPath}/*`, show)
    .use(onlyPageMethods(dashboardPath, errors, "GET", "HEAD"))
    .use(onlyPageMethods(`${dashboardPath}/*`, errors, "GET", "HEAD"));
}

function indexPage(prefix: string): Response {
  const files = prefix + filesPath;
  const document = html`<!doctype html>
<html lang="en" data-prefix="${prefix}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>larder</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${files}/${built.styles}">
<script type="module" src="${files}/${built.script}"></script>
</head>
<body>
<div id="root"><div class="starting">${logo}larder</div></div>
<noscript>The dashboard needs JavaScript. <a href="${prefix}/account">Your account</a> does without, and so does the command <code>larder</code> on the server.</noscript>
</body>
</html>
`;
  return new Response(document.text, {
    headers: { ...pageHeaders, "content-security-policy": contentPolicy },
  });
}

/** Everything comes from larder itself, and nothing stands in the page. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

interface HeldFile {
  type: string;
  br: Uint8Array<ArrayBuffer>;
  gzip: Uint8Array<ArrayBuffer>;
}

/** All files, by name. Held in memory: in a clone, the next build puts others in their place while the server runs. */
function readFiles(): Map<string, HeldFile> {
  return new Map(
    Object.entries(built.files).map(([name, { type, brotli, gzip }]) => [
      name,
      { type, br: readFileSync(brotli), gzip: readFileSync(gzip) },
    ]),
  );
}

/** The name is made of the content, so what has once been fetched by it is never asked for again. */
function fileAnswer(request: Request, name: string, file: HeldFile): Response {
  const etag = `"${name}"`;
  const headers = {
    "content-type": file.type,
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    vary: "accept-encoding",
    etag,
  };
  if (request.headers.get("if-none-match")?.includes(etag))
    return new Response(null, { status: 304, headers });
  const coding = acceptedCoding(request.headers.get("accept-encoding"));
  if (coding === undefined) return new Response(Bun.gunzipSync(file.gzip), { headers });
  return new Response(file[coding], { headers: { ...headers, "content-encoding": coding } });
}

/** The better one of those that we have and the client takes (RFC 9110, 12.5.3); undefined for none of them. */
function acceptedCoding(header: string | null): "br" | "gzip" | undefined {
  const taken = new Set<string>();
  for (const part of header?.split(",") ?? []) {
    const [coding, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (coding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) taken.add(coding);
  }
  return (["br", "gzip"] as const).find((coding) => taken.has(coding));
}
