import { formatSize, formatTime, parseSize, parseTime } from "../units.ts";
import type { Place } from "./place.ts";
import { homeFolder, pathRules } from "./platform-folders.ts";

/** What a setting's value may be, and how it is written. */
export interface ValueKind<T> {
  /** Stands for the value in the help, as in `--port <number>`. */
  readonly placeholder: string;
  /** What is allowed; follows "It takes". */
  readonly allowed: string;
  /** From the text of a flag or variable, or from any TOML value. Undefined if it is not allowed. */
  read(raw: unknown, place: Place): { value: T } | undefined;
  /** Text that `read` turns into the same value. */
  format(value: T): string;
  /** The same for scripts: counts are numbers, none is null, and sizes and times keep their unit. */
  json(value: T): string | number | null;
}

export function integerValue(range: { min: number; max?: number }): ValueKind<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  return {
    placeholder: "number",
    allowed:
      range.max === undefined ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`,
    read: (raw) => {
      const value = typeof raw === "string" && /^\d+$/.test(raw.trim()) ? Number(raw) : raw;
      // TOML has a minus zero, which would print as zero and not be it.
      return isWithin(value, min, max) ? { value: value + 0 } : undefined;
    },
    format: String,
    json: (value) => value,
  };
}

/** A size in bytes. */
export function sizeValue(range: { minBytes: number }): ValueKind<number> {
  return {
    placeholder: "size",
    allowed: `a size with its unit, such as 20GiB, 500MB or 512B, at least ${formatSize(range.minBytes)}`,
    read: (raw) => {
      // Whoever writes --quota 20 means no 20 bytes, and would lose all that is stored.
      const value = typeof raw === "string" ? parseSize(raw) : raw === 0 ? 0 : undefined;
      return isWithin(value, range.minBytes, Number.MAX_SAFE_INTEGER) ? { value } : undefined;
    },
    format: formatSize,
    json: formatSize,
  };
}

/** A hundred years, so that any time of day with it added or taken away is one, too. */
const longestMs = 36_500 * 86_400_000;

/** A time in milliseconds. */
export function timeValue(range: { minMs: number; maxMs?: number; wholeSeconds?: true }): ValueKind<number> {
  const { minMs, maxMs = longestMs } = range;
  const whole = range.wholeSeconds ? ", in whole seconds" : "";
  return {
    placeholder: "time",
    allowed: `a time with its unit, such as 30d, 12h, 5m, 30s or 250ms, from ${formatTime(minMs)} to ${formatTime(maxMs)}${whole}`,
    read: (raw) => {
      // A bare number has no unit, and everybody would guess another one.
      const value = typeof raw === "string" ? parseTime(raw) : undefined;
      if (!isWithin(value, minMs, maxMs)) return undefined;
      return range.wholeSeconds && value % 1000 !== 0 ? undefined : { value };
    },
    format: formatTime,
    json: formatTime,
  };
}

export function choiceValue<const Choice extends string>(choices: readonly Choice[]): ValueKind<Choice> {
  return {
    placeholder: "choice",
    allowed: `one of ${choices.join(", ")}`,
    read: (raw) => {
      const value = choices.find((choice) => choice === raw);
      return value && { value };
    },
    format: String,
    json: (value) => value,
  };
}

/** Several secrets that mean the same, in text separated by commas. */
export function secretListValue(): ValueKind<readonly string[]> {
  return {
    placeholder: "secrets",
    allowed: "one or more secrets of printable characters without blanks, separated by commas",
    read: (raw) => {
      const parts: unknown[] = typeof raw === "string" ? raw.split(",") : Array.isArray(raw) ? raw : [];
      if (!parts.every((part) => typeof part === "string")) return undefined;
      const value = parts.map((part) => part.trim()).filter((part) => part !== "");
      // Anything else cannot arrive in an Authorization header.
      return value.length > 0 && value.every((part) => /^[!-~]+$/.test(part)) ? { value } : undefined;
    },
    format: (value) => value.join(","),
    json: (value) => value.join(","),
  };
}

/** One secret. */
export function secretValue(range: { minLength: number }): ValueKind<string> {
  const { minLength } = range;
  return {
    placeholder: "secret",
    allowed: `a secret of at least ${minLength} printable characters without blanks`,
    // Anything else cannot arrive in an Authorization header.
    read: (raw) =>
      typeof raw === "string" && raw.length >= minLength && /^[!-~]+$/.test(raw) ? { value: raw } : undefined,
    format: String,
    json: (value) => value,
  };
}

/** An address or name of this machine to listen on. */
export function hostValue(): ValueKind<string> {
  return {
    placeholder: "address",
    allowed: "an address or host name, such as 0.0.0.0, 127.0.0.1 or ::",
    read: (raw) => {
      if (typeof raw !== "string") return undefined;
      const value = /^\[(.*)\]$/.exec(raw)?.[1] ?? raw;
      return /^[\w.:%-]+$/.test(value) ? { value } : undefined;
    },
    format: String,
    json: (value) => value,
  };
}

/** Empty, or with a leading slash and no trailing one. */
export function basePathValue(): ValueKind<string> {
  return {
    placeholder: "path",
    allowed: "a path such as /cache, of segments of letters, digits, '.', '_', '~' and '-'",
    read: (raw) => {
      if (typeof raw !== "string") return undefined;
      const inner = raw.replace(/^\//, "").replace(/\/$/, "");
      if (inner === "") return { value: "" };
      const plain = inner
        .split("/")
        .every((segment) => /^[\w.~-]+$/.test(segment) && segment !== "." && segment !== "..");
      return plain ? { value: `/${inner}` } : undefined;
    },
    format: String,
    json: (value) => value,
  };
}

/** Origin and path, without a trailing slash. */
export function webUrlValue(): ValueKind<string> {
  return {
    placeholder: "url",
    allowed: "an http or https URL without user, query or fragment, such as https://cache.example.com",
    read: readWebUrl,
    format: String,
    json: (value) => value,
  };
}

/** Who a provider of sign-ins says it is: compared to the letter, so that a slash at its end stays or stays away. */
export function issuerValue(): ValueKind<string> {
  return {
    placeholder: "url",
    allowed:
      "an https URL without user, query or fragment, as the provider writes it, such as https://id.example.com " +
      "(http only for this machine itself), and without /.well-known/…",
    read: (raw) => {
      if (typeof raw !== "string" || /\/\.well-known\/|\s/.test(raw) || !readWebUrl(raw)) return undefined;
      const { protocol, hostname } = new URL(raw);
      return protocol === "https:" || isLoopback(hostname) ? { value: raw } : undefined;
    },
    format: String,
    json: (value) => value,
  };
}

/** Text of printable characters on one line. */
export function textValue(placeholder: string): ValueKind<string> {
  return {
    placeholder,
    allowed: "1 to 500 printable characters, without blanks around them",
    // `none` would read as no value at all.
    read: (raw) =>
      typeof raw === "string" &&
      raw !== "none" &&
      raw.length <= 500 &&
      /^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u.test(raw)
        ? { value: raw }
        : undefined,
    format: String,
    json: (value) => value,
  };
}

/** Scopes of OpenID Connect, `openid` among them. */
export function scopesValue(): ValueKind<string> {
  return {
    placeholder: "scopes",
    allowed: "scopes separated by blanks, openid among them",
    read: (raw) => {
      const scopes = typeof raw === "string" ? raw.split(/ +/).filter((scope) => scope !== "") : [];
      // RFC 6749, 3.3.
      const allowed = scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope));
      return allowed && scopes.includes("openid") ? { value: scopes.join(" ") } : undefined;
    },
    format: String,
    json: (value) => value,
  };
}

/** A folder, made absolute. */
export function folderValue(): ValueKind<string> {
  return {
    placeholder: "folder",
    allowed: "the path of a folder",
    read: (raw, place) => {
      if (typeof raw !== "string" || raw === "" || raw.includes("\0")) return undefined;
      const { resolve } = pathRules(place);
      // Shells leave the tilde alone in `--data=~/x`, and files have no shell; a folder named `~` is never meant.
      const home = /^~(?=$|[/\\])/.test(raw) ? homeFolder(place) : undefined;
      return { value: home ? resolve(home, `.${raw.slice(1)}`) : resolve(place.cwd, raw) };
    },
    format: String,
    json: (value) => value,
  };
}

/** The same, or `none`, which is undefined. */
export function optional<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    placeholder: kind.placeholder,
    allowed: `${kind.allowed}, or none`,
    read: (raw, place) => (raw === "none" ? { value: undefined } : kind.read(raw, place)),
    format: (value) => (value === undefined ? "none" : kind.format(value)),
    json: (value) => (value === undefined ? null : kind.json(value)),
  };
}

/** Also takes `word`, which stands for a value that is found out later. */
export function orWord<T, const Word extends string>(kind: ValueKind<T>, word: Word): ValueKind<T | Word> {
  return {
    placeholder: kind.placeholder,
    allowed: `${kind.allowed}, or ${word}`,
    read: (raw, place) => (raw === word ? { value: word } : kind.read(raw, place)),
    format: (value) => (value === word ? word : kind.format(value as T)),
    json: (value) => (value === word ? word : kind.json(value as T)),
  };
}

function readWebUrl(raw: unknown): { value: string } | undefined {
  const url = typeof raw === "string" ? URL.parse(raw) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  // It is printed for shells and files to be pasted into, where quotes, $ and ` would mean something.
  if (url.username || url.password || /[?#"'$`\\]/.test(url.href)) return undefined;
  return { value: url.href.replace(/\/+$/, "") };
}

/** What never leaves the machine (RFC 6761, 6.3). */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}
