import { type Html, html } from "../http/html.ts";

/**
 * What a page can say of the step that led to it. The address has the code only, so that no link can make larder say what
 * somebody else has written.
 */
const messages = {
  "password-changed": "Your password is changed. Your other browsers are signed out.",
  "token-revoked": "The token is revoked.",
  "signed-out": "You are signed out.",
  "session-ended": "You are not signed in any more. Sign in to go on where you were.",
  "signed-out-everywhere":
    "You are signed out in all browsers. Tokens still work; revoke those in your account.",
};

export type NoticeCode = keyof typeof messages;

/** A route whose page says that something has been done. @param details more for its query, such as what it was done to. */
export function withNotice(route: string, notice: NoticeCode, details: Record<string, string> = {}): string {
  return `${route}?${new URLSearchParams({ notice, ...details })}`;
}

/**
 * What the page that a request asks for is to say. Nothing when a link elsewhere led to it, where browsers tell (Fetch Metadata).
 * @param known those that the page has to do with.
 */
export function noticeOf<T extends NoticeCode>(request: Request, ...known: T[]): T | undefined {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return undefined;
  const code = new URL(request.url).searchParams.get("notice");
  return known.find((one) => one === code);
}

/** @param message in place of the usual one, for a page that knows more. */
export function notice(code: NoticeCode | undefined, message?: string): Html | undefined {
  if (code === undefined) return undefined;
  return html`<p class="notice good" role="status">${message ?? messages[code]}</p>`;
}
