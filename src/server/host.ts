/** RFC 9110, 7.2: a name or an address, and a port. */
const pattern = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/** Whether a request's Host can stand in a URL. */
export function isHost(host: string): boolean {
  const match = pattern.exec(host);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}
