/**
 * Whether a header Range asks for the first byte, or there is none. Of a download in parts only the first is one, so that what is
 * taken in a hundred parts counts once.
 */
export function isFromStart(range: string | null | undefined): boolean {
  return range === null || range === undefined || /^\s*bytes\s*=\s*0+\s*-/i.test(range);
}
