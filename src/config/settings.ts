import type { Place } from "./place.ts";
import { dataFolder } from "./platform-folders.ts";
import { signInRulesValue } from "./sign-in-rules-value.ts";
import {
  basePathValue,
  choiceValue,
  folderValue,
  hostValue,
  integerValue,
  issuerValue,
  optional,
  orWord,
  scopesValue,
  secretListValue,
  secretValue,
  sizeValue,
  textValue,
  timeValue,
  type ValueKind,
  webUrlValue,
} from "./value-kinds.ts";

export interface Setting<T> {
  readonly kind: ValueKind<T>;
  /** As a user would write it. */
  readonly default: string | ((place: Place) => string);
  /** Stands for a default that depends on the place, in the help. */
  readonly defaultDoc?: string;
  /** One line for the help, without a full stop. */
  readonly doc: string;
  /** Never shown. */
  readonly secret?: true;
  /** A variable outside larder's own names that is read too; larder's own wins. */
  readonly otherVariable?: string;
}

const day = 86_400_000;

/** Everything that can be set. Flags, variables, keys of `larder.toml`, help and types all follow from this table. */
export const settings = {
  host: setting({ kind: hostValue(), default: "0.0.0.0", doc: "Address to listen on" }),
  port: setting({
    kind: integerValue({ min: 0, max: 65_535 }),
    default: "5273",
    doc: "Port to listen on; 0 picks a free one",
  }),
  basePath: setting({ kind: basePathValue(), default: "", doc: "Prefix of every route, such as /cache" }),
  publicUrl: setting({
    kind: optional(webUrlValue()),
    default: "none",
    doc: "URL that clients use, if larder is behind a proxy",
  }),
  proxyHops: setting({
    kind: integerValue({ min: 0, max: 10 }),
    default: "0",
    doc: "Proxies in front of larder, each of which adds the client's address to X-Forwarded-For",
  }),
  data: setting({
    kind: folderValue(),
    default: dataFolder,
    defaultDoc: "the platform's data folder",
    doc: "Folder for the database and the artifacts",
  }),
  durability: setting({
    kind: choiceValue(["full", "fast"]),
    default: "full",
    doc: "What survives: full, also a loss of power; fast, the end of the process only",
  }),
  maxArtifactSize: setting({
    kind: sizeValue({ minBytes: 1 }),
    default: "2GiB",
    doc: "Largest artifact that is accepted",
  }),
  maxSize: setting({
    kind: orWord(optional(sizeValue({ minBytes: 1 })), "auto"),
    default: "auto",
    doc: "What all artifacts together may take; auto is 80 % of what was free at the first start",
  }),
  minFree: setting({
    kind: sizeValue({ minBytes: 0 }),
    default: "1GiB",
    doc: "What has to stay free on the disk; uploads are refused before",
  }),
  maxAge: setting({
    kind: optional(timeValue({ minMs: 1_000 })),
    default: "none",
    doc: "Artifacts that were not used for so long are removed; a team may have its own",
  }),
  scopeMaxAge: setting({
    kind: optional(timeValue({ minMs: 1_000 })),
    default: "14d",
    doc: "Artifacts of untrusted work (scopes) that were not used for so long are removed",
  }),
  verifyRate: setting({
    kind: optional(sizeValue({ minBytes: 1 })),
    default: "10MiB",
    doc: "How much is read each second to find rotten bytes; none to leave them unread",
  }),
  maxRequestsPerMinute: setting({
    kind: optional(integerValue({ min: 1 })),
    default: "none",
    doc: "Requests per minute that each token may make, or each address without one",
  }),
  shutdownTimeout: setting({
    // Timers of more than 24.8 days fire at once, so no bound can be that high.
    kind: timeValue({ minMs: 0, maxMs: day }),
    default: "30s",
    doc: "How long running transfers may take when the server is asked to stop",
  }),
  idleTimeout: setting({
    // Bun.serve takes up to 255 s and counts in steps of 4 s: below 5 s a step's end would cut what moves, too.
    kind: timeValue({ minMs: 5_000, maxMs: 255_000, wholeSeconds: true }),
    default: "60s",
    doc: "How long a connection may stand still before it is closed",
  }),
  sessionMaxAge: setting({
    kind: timeValue({ minMs: 60_000 }),
    default: "7d",
    doc: "How long a sign-in in a browser lasts",
  }),
  eventMaxAge: setting({
    kind: timeValue({ minMs: 1_000 }),
    default: "30d",
    doc: "How long runs, with each hit and miss, are kept; sums by day stay",
  }),
  auditMaxAge: setting({
    kind: optional(timeValue({ minMs: 1_000 })),
    default: "365d",
    doc: "How long it is kept who did what; uploads are kept as long as events",
  }),
  loginTokenMaxAge: setting({
    kind: optional(timeValue({ minMs: 1_000 })),
    default: "90d",
    doc: "How long a token that `turbo login` gets is valid",
  }),
  logLevel: setting({
    kind: choiceValue(["error", "warn", "info", "debug"]),
    default: "info",
    doc: "Least important messages that are logged: error, warn, info or debug",
  }),
  logFormat: setting({
    kind: choiceValue(["auto", "pretty", "json"]),
    default: "auto",
    doc: "How to log: pretty, json, or auto, which is pretty on a terminal",
  }),
  metricsToken: setting({
    kind: optional(secretValue({ minLength: 16 })),
    default: "none",
    doc: "Secret with which a monitoring system may read /metrics, besides administrators' tokens",
    secret: true,
  }),
  metricsPort: setting({
    kind: optional(integerValue({ min: 0, max: 65_535 })),
    default: "none",
    doc: "Port of its own for /metrics, where no token is wanted; 0 picks a free one",
  }),
  metricsHost: setting({
    kind: hostValue(),
    default: "127.0.0.1",
    doc: "Address for metricsPort to listen on",
  }),
  turboToken: setting({
    kind: optional(secretListValue()),
    default: "none",
    doc: "Secrets that may write as team `default`; TURBO_TOKEN in the environment is read too",
    secret: true,
    otherVariable: "TURBO_TOKEN",
  }),
  oidcIssuer: setting({
    kind: optional(issuerValue()),
    default: "none",
    doc: "OpenID Connect provider that people may sign in with",
  }),
  oidcClientId: setting({
    kind: optional(textValue("id")),
    default: "none",
    doc: "How that provider knows larder",
  }),
  oidcClientSecret: setting({
    kind: optional(textValue("secret")),
    default: "none",
    doc: "What larder proves itself to that provider with, if it gave a secret",
    secret: true,
  }),
  oidcName: setting({
    kind: optional(textValue("name")),
    default: "none",
    doc: "How the sign-in page calls that provider; none for its host",
  }),
  oidcScopes: setting({
    kind: scopesValue(),
    default: "openid email profile",
    doc: "What larder asks that provider for",
  }),
  oidcGroupsClaim: setting({
    kind: textValue("claim"),
    default: "groups",
    doc: "Claim in which that provider lists somebody's groups",
  }),
  oidcAccess: setting({
    kind: optional(signInRulesValue()),
    default: "none",
    doc: "Who of that provider's people may sign in, and as what, such as domain:example.org=default:member",
  }),
};

export type SettingKey = keyof typeof settings;

/** Sizes are bytes, times are milliseconds, `none` is undefined. */
export type Config = {
  readonly [Key in SettingKey]: (typeof settings)[Key] extends Setting<infer T> ? T : never;
};

export const settingKeys = Object.keys(settings) as SettingKey[];

/** `--max-artifact-size` of `maxArtifactSize`. */
export function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}

/** `LARDER_MAX_ARTIFACT_SIZE` of `maxArtifactSize`. */
export function variableName(key: string): string {
  return `LARDER_${key.replaceAll(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

/** The entry of a key whose own value type does not matter. */
export function settingOf(key: SettingKey): Setting<unknown> {
  return settings[key] as Setting<unknown>;
}

/** A value as its setting takes it, in human units; a secret is masked. */
export function formatSetting(key: SettingKey, value: unknown): string {
  const { kind, secret } = settingOf(key);
  return secret && value !== undefined ? "****" : kind.format(value);
}

/** A value for scripts; a secret is masked. */
export function settingJson(key: SettingKey, value: unknown): string | number | null {
  const { kind, secret } = settingOf(key);
  return secret && value !== undefined ? "****" : kind.json(value);
}

function setting<T>(entry: Setting<T>): Setting<T> {
  return entry;
}
