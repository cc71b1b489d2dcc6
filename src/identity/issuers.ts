import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { Refusal } from "../refusal.ts";
import { isLoopback } from "./issuer-url.ts";

const fetchTimeoutMs = 5_000;
/** GitHub's key set takes 10 KB. */
const maxDocumentBytes = 256 * 1024;
/** After that long the keys are fetched again: one that was taken back shall not count for ever. */
const keysMaxAgeMs = 10 * 60_000;
/** How often an issuer is asked at most, whatever strangers send. */
const coolDownMs = 15_000;

export interface IssuersOptions {
  /** How long the discovery document and the key set may take together. */
  timeoutMs?: number;
}

interface Known {
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
  private readonly known = new Map<string, Known>();
  private readonly timeoutMs: number;

  constructor({ timeoutMs = fetchTimeoutMs }: IssuersOptions = {}) {
    this.timeoutMs = timeoutMs;
  }

  /**
   * For `jwtVerify`. Only for issuers that somebody who may has named: this asks them over the network.
   * @throws Refusal `unavailable`, from the function, when there are no keys and the issuer gives none.
   */
  keysOf(issuer: string): JWTVerifyGetKey {
    return async (header, token) => {
      const known = this.entryOf(issuer);
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

  private entryOf(issuer: string): Known {
    const entry = this.known.get(issuer) ?? {
      keys: undefined,
      fetchedAt: 0,
      askedAt: 0,
      failure: undefined,
      pending: undefined,
    };
    this.known.set(issuer, entry);
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
      known.keys = createLocalJWKSet(await fetchKeySet(issuer, this.timeoutMs));
      known.fetchedAt = Date.now();
      known.failure = undefined;
    } catch (error) {
      known.failure = new Refusal(
        "unavailable",
        `The keys of ${issuer} cannot be had: ${error instanceof Unusable ? error.message : "it cannot be reached"}. ` +
          "Try again in a moment; if it lasts, see whether the larder's machine reaches the issuer.",
        coolDownMs / 1_000,
      );
      throw known.failure;
    }
  }
}

/** Something that the issuer answered, and should not have. */
class Unusable extends Error {}

async function fetchKeySet(issuer: string, timeoutMs: number): Promise<JSONWebKeySet> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Unusable(`it took over ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    // OpenID Connect Discovery 1.0, 4: a slash at the end of the issuer goes first.
    const discovery = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const document = await fetchDocument(discovery, issuer, late.signal);
    // The same, 4.3: it MUST be identical.
    if (document.issuer !== issuer) throw new Unusable("its discovery document names another issuer");
    if (typeof document.jwks_uri !== "string") throw new Unusable("its discovery document names no key set");
    const keySet = await fetchDocument(document.jwks_uri, issuer, late.signal);
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
): Promise<Record<string, unknown>> {
  const url = URL.parse(address);
  if (!url || !isAllowed(url, new URL(issuer)))
    throw new Unusable("its discovery document names no https URL");
  // A redirect could lead anywhere inside the network.
  const answer = await untilAborted(
    fetch(url, { redirect: "manual", signal, headers: { accept: "application/json" } }),
    signal,
  );
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
