const maxLength = 1_000;

/**
 * The computer of the browser itself. RFC 8252, 7.3 has `[::1]`, too, which no turbo listens on and which no content security
 * policy can name.
 */
const pattern = /^http:\/\/(127\.0\.0\.1|localhost)(?::([1-9]\d{0,4}))?(?:[/?][!-~]*)?$/;

/** Where a program on the browser's own computer waits for the end of a sign-in. */
export interface LoopbackUrl {
  /** With these parameters in its query, in place of any of the same names. */
  with(parameters: Record<string, string | undefined>): string;
  /** As a content security policy names it. */
  source: string;
  port: number;
}

/**
 * Reads the URL to which a program wants the browser to come back. Undefined for any other than one of this very computer
 * over HTTP: whatever is sent there, no other machine gets it. The text has to say so to the eye and to the URL parser alike,
 * since browsers put up with much that looks like another URL than it is.
 */
export function parseLoopbackUrl(text: string): LoopbackUrl | undefined {
  const [, host, port = "80"] = (text.length <= maxLength && pattern.exec(text)) || [];
  if (host === undefined || /[\\#]/.test(text)) return undefined;
  const url = URL.parse(text);
  const isSame =
    url?.protocol === "http:" &&
    url.hostname === host &&
    (url.port || "80") === port &&
    url.username + url.password + url.hash === "";
  if (!isSame) return undefined;
  return {
    port: Number(port),
    source: url.origin,
    with(parameters) {
      const target = new URL(url);
      for (const [name, value] of Object.entries(parameters)) {
        if (value === undefined) target.searchParams.delete(name);
        else target.searchParams.set(name, value);
      }
      return target.href;
    },
  };
}
