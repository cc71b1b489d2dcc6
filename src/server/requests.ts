import { isIP } from "node:net";
import type { Server } from "bun";

/** The requests under way, for those who know more of one than the server that carries it. */
export class Requests {
  private readonly notes = new WeakMap<Request, Record<string, unknown>>();
  private carrier: { server: Server<undefined>; idleSeconds: number } | undefined;

  /** @param proxyHops how many proxies stand in front, each of which adds whom it serves to `X-Forwarded-For`. */
  constructor(private readonly proxyHops = 0) {}

  carriedBy(server: Server<undefined>, idleSeconds: number): void {
    this.carrier = { server, idleSeconds };
  }

  /** Those that are not yet answered to their end. */
  get underWay(): number {
    return this.carrier?.server.pendingRequests ?? 0;
  }

  /** What is known of a request besides what everybody sees of it, for the access log and for counts. Never a secret. */
  note(request: Request, facts: Record<string, unknown>): void {
    const noted = this.notes.get(request);
    if (noted) Object.assign(noted, facts);
    else this.notes.set(request, facts);
  }

  notesOf(request: Request): Record<string, unknown> | undefined {
    return this.notes.get(request);
  }

  /** Where a request comes from, as far as that is known. What the client itself may have put there does not count. */
  addressOf(request: Request): string | null {
    const addresses = (request.headers.get("x-forwarded-for") ?? "").split(",").map((one) => one.trim());
    const forwarded = this.proxyHops > 0 ? addresses.at(-this.proxyHops) : undefined;
    // A zone (RFC 4007, 11) means something to one machine only, and may be any text of any length.
    const isAddress = forwarded && isIP(forwarded) !== 0 && !forwarded.includes("%");
    return (isAddress ? forwarded : this.carrier?.server.requestIP(request)?.address) ?? null;
  }

  /**
   * Lets the idle time of a request's connection begin anew. The server does so by itself when much arrives, and not when
   * a client on a thin line sends a few bytes at a time.
   */
  keepAlive(request: Request): void {
    this.carrier?.server.timeout(request, this.carrier.idleSeconds);
  }
}
