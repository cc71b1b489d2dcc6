/**
 * What a request sends as `Authorization: Bearer <secret>`, in whatever case the scheme is written (RFC 9110, 11.1); undefined for
 * none, and for another scheme. A secret has no place in a URL, so nothing else is looked at.
 */
export function bearerSecret({ headers }: Request): string | undefined {
  return /^bearer +(\S.*)$/i.exec(headers.get("authorization") ?? "")?.[1]?.trimEnd();
}
