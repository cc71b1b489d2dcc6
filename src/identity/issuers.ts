import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { Refusal } from "../refusal.ts";
import { isLoopback } from "./issuer-url.ts";
import { publicAddresses, type Resolve, resolveAddresses } from "./public-address.ts";

const fetchTimeoutMs = 5_000;
/** GitHub's key set takes 10 KB. */
const maxDocumentBytes = 256 * 1024;
/** After that long the keys are fetched again: one that was taken back shall not count for ever. */
const keysMaxAgeMs = 10 * 60_000;
/** How often an issuer is asked at most, whatever strangers send. */
const coolDownMs = 15_000;

/** Of more, those that were asked for longest ago are forgotten: of those that owners of teams name, and of all others. */
const defaultMaxKnown = 300;

/** Where an issuer may be: `public` is for one that nobody named who looks after the server. */
export type IssuerNetwork = "any" | "public";

export interface IssuersOptions {
  /** How long the discovery document and the key set may take together. */
  timeoutMs?: number;
  /** Tells the addresses of a name. */
  resolve?: Resolve;
  maxKnown?: number;
}

interface Known {
  readonly network: IssuerNetwork;
  keys: JWTVerifyGetKey | undefined;
  fetchedAt: number;
  /** When it was asked last, with whatever result. */
  askedAt: number;
  failure: Refusal | undefined;
  /** The fetch under way. */
  pending: Promise<void> | undefined;
}

/**
 * The public keys of issuers, found by OpenID Connect Discovery. Kept in memory; asked for again when they are old, or when a
 * token names one that is not among them. An issuer that cannot be reached goes on with the keys that are known.
 */
export class Issuers {
  /** Apart, so that what one may see of an issuer, and how it failed, is nothing to the other. */
  private readonly known = { any: new Map<string, Known>(), public: new Map<string, Known>() };
  private readonly timeoutMs: number;
  private readonly resolve: Resolve;
  private readonly maxKnown: number;

  constructor(options: IssuersOptions = {}) {
    this.timeoutMs = options.timeoutMs ?? fetchTimeoutMs;
    this.resolve = options.resolve ?? resolveAddresses;
    this.maxKnown = options.maxKnown ?? defaultMaxKnown;
  }

  /** When no policy names it any more. */
  forget(issuer: string): void {
    this.known.any.delete(issuer);
    this.known.public.delete(issuer);
  }

  /** How many are kept in memory. */
  get size(): number {
    return this.known.any.size + this.known.public.size;
  }

  /**
   * For `jwtVerify`. Only for issuers that somebody who may has named: this asks them over the network.
   * @throws Refusal `unavailable`, from the function, when there are no keys and the issuer gives none. Of one that may only be
   *   public it does not say why: that would tell what there is in the network.
   */
  keysOf(issuer: string, network: IssuerNetwork): JWTVerifyGetKey {
    return async (header, token) => {
      const known = this.entryOf(issuer, network);
      if (!known.keys) await this.fetchKeys(issuer, known);
      // What is old still counts if there is nothing newer to be had.
      else if (Date.now() - known.fetchedAt > keysMaxAgeMs)
        await this.fetchKeys(issuer, known).catch(() => {});
      try {
        return await (known.keys as JWTVerifyGetKey)(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        // The key may be new, and nobody could tell.
        if (!this.mayAsk(known)) throw known.failure ?? error;
        await this.fetchKeys(issuer, known);
        return await (known.keys as JWTVerifyGetKey)(header, token);
      }
    };
  }

  private entryOf(issuer: string, network: IssuerNetwork): Known {
    const entries = this.known[network];
    const entry = entries.get(issuer) ?? {
      network,
      keys: undefined,
      fetchedAt: 0,
      askedAt: 0,
      failure: undefined,
      pending: undefined,
    };
    entries.delete(issuer);
    entries.set(issuer, entry);
    const [oldest] = entries.keys();
    if (entries.size > this.maxKnown && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  private mayAsk({ askedAt, pending }: Known): boolean {
    return pending !== undefined || Math.abs(Date.now() - askedAt) >= coolDownMs;
  }

  /** Whoever comes while it is under way shares it. */
  private async fetchKeys(issuer: string, known: Known): Promise<void> {
    if (!this.mayAsk(known)) {
      if (known.failure) throw known.failure;
      return;
    }
    known.pending ??= this.fetchAnew(issuer, known).finally(() => {
      known.pending = undefined;
    });
    await known.pending;
  }

  private async fetchAnew(issuer: string, known: Known): Promise<void> {
    known.askedAt = Date.now();
    try {
      known.keys = createLocalJWKSet(
        await fetchKeySet(issuer, this.timeoutMs, known.network === "public" ? this.resolve : undefined),
      );
      known.fetchedAt = Date.now();
      known.failure = undefined;
    } catch (error) {
      const why = error instanceof Unusable ? error.message : "it cannot be reached";
      const message =
        known.network === "any"
          ? `The keys of ${issuer} cannot be had: ${why}. ` +
            "Try again in a moment; if it lasts, see whether the larder's machine reaches the issuer."
          : `The keys of ${issuer} cannot be had. Try again in a moment. It has to answer over https, at a public address; ` +
            "one inside the network an administrator of the server may name.";
      known.failure = new Refusal("unavailable", message, coolDownMs / 1_000);
      throw known.failure;
    }
  }
}

/** Something that the issuer answered, and should not have. */
class Unusable extends Error {}

/** @param resolve if the issuer and its keys have to be at public addresses. */
async function fetchKeySet(
  issuer: string,
  timeoutMs: number,
  resolve: Resolve | undefined,
): Promise<JSONWebKeySet> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Unusable(`it took over ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    // OpenID Connect Discovery 1.0, 4: a slash at the end of the issuer goes first.
    const discovery = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const document = await fetchDocument(discovery, issuer, late.signal, resolve);
    // The same, 4.3: it MUST be identical.
    if (document.issuer !== issuer) throw new Unusable("its discovery document names another issuer");
    if (typeof document.jwks_uri !== "string") throw new Unusable("its discovery document names no key set");
    const keySet = await fetchDocument(document.jwks_uri, issuer, late.signal, resolve);
    if (!Array.isArray(keySet.keys)) throw new Unusable("its key set has no keys");
    return keySet as unknown as JSONWebKeySet;
  } finally {
    clearTimeout(timer);
  }
}

async function fetchDocument(
  address: string,
  issuer: string,
  signal: AbortSignal,
  resolve: Resolve | undefined,
): Promise<Record<string, unknown>> {
  const url = URL.parse(address);
  if (!url || !isAllowed(url, new URL(issuer)))
    throw new Unusable("its discovery document names no https URL");
  // A redirect could lead anywhere inside the network.
  const options = { redirect: "manual", signal, headers: { accept: "application/json" } } as const;
  const asking = resolve ? fetchPublic(url, options, resolve, signal) : fetch(url, options);
  const answer = await untilAborted(asking, signal);
  if (answer.status !== 200) throw new Unusable(`it answers ${answer.status} to GET ${url.pathname}`);
  const text = await readBounded(answer, signal);
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === "object" && document !== null && !Array.isArray(document))
      return document as Record<string, unknown>;
  } catch {
    // Said below, without the words of the parser, which quote what was sent.
  }
  throw new Unusable(`it answers no JSON object to GET ${url.pathname}`);
}

/** Asks the very address that was looked at: the name could lead elsewhere a moment later. */
async function fetchPublic(
  url: URL,
  { headers, ...options }: { redirect: "manual"; signal: AbortSignal; headers: Record<string, string> },
  resolve: Resolve,
  signal: AbortSignal,
): Promise<Response> {
  const addresses = await untilAborted(publicAddresses(url, resolve), signal);
  const [address] = addresses ?? [];
  if (address === undefined || url.protocol !== "https:") throw new Unusable("it is at no public address");
  const there = new URL(url);
  there.hostname = address.includes(":") ? `[${address}]` : address;
  return await fetch(there, {
    ...options,
    headers: { ...headers, host: url.host },
    ...(there.hostname !== url.hostname && { tls: { serverName: url.hostname } }),
  });
}

/** Without TLS only an issuer on this very machine, and its own keys. */
function isAllowed(url: URL, issuer: URL): boolean {
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && isLoopback(url) && issuer.protocol === "http:" && isLoopback(issuer);
}

async function readBounded(answer: Response, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  const reader = answer.body?.getReader();
  if (!reader) return text;
  try {
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), signal);
      if (done) return text + decoder.decode();
      sizeBytes += value.byteLength;
      if (sizeBytes > maxDocumentBytes) throw new Unusable(`it answers more than ${maxDocumentBytes} bytes`);
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    // The rest is of no use to anybody; if the connection has gone, so much the better.
    await reader.cancel().catch(() => {});
  }
}

/** The signal's own reason, rather than how the network words it. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
