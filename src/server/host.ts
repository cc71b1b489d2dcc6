/** RFC 9110, 7.2: a name or an address, and a port. */
const pattern = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Nearly all requests name the same host. */
let lastGood = "";

/** Whether a request's Host can stand in a URL. */
export function isHost(host: string): boolean {
  if (host === lastGood) return true;
  if (!pattern.test(host) || !URL.canParse(`http://${host}`)) return false;
  lastGood = host;
  return true;
}
