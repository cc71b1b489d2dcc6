import { withoutSecrets } from "./without-secrets.ts";

/**
 * Why larder will not do what was asked. Rooms throw these; each protocol maps a code to the status that its
 * clients understand, and commands print the message. A message tells the reader what to do next, and never holds a secret,
 * even where it repeats what was sent.
 */
export type RefusalCode =
  /** The request is malformed. */
  | "bad_request"
  /** No credential, or one that is unknown, expired or revoked. */
  | "unauthorized"
  /** Known, but not allowed to do this. */
  | "forbidden"
  /** Known, and of another team than the one that the request names. */
  | "wrong_team"
  /** The team takes signed artifacts only, and this one has no signature. */
  | "signature_required"
  /** The team's state forbids it. */
  | "team_disabled"
  | "team_over_limit"
  | "team_paused"
  | "team_blocked"
  | "not_found"
  | "method_not_allowed"
  /** The name is taken, or the artifact is there already and may not be replaced. */
  | "conflict"
  | "too_large"
  /** Larger than the team's quota lets an upload be, whatever goes for it. */
  | "larger_than_quota"
  | "too_many_requests"
  /** The disk, the server's limit or the team's quota has no room for it, or none that came free in time. */
  | "no_space"
  /** The client went away before its body was complete. Nobody is left to read the answer. */
  | "aborted"
  /**
   * The server, or a command, cannot do it as things are: it may not use its address, data folder or disk, may open no more
   * files, or another process holds the database. The same may do later, or once an operator has mended it.
   */
  | "unavailable";

export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly code: RefusalCode,
    message: string,
    /** When to come back, where that may help: for `too_many_requests`, `no_space` and `unavailable`. */
    readonly retryAfterSeconds?: number,
  ) {
    super(withoutSecrets(message));
  }
}

/** Whichever room meets it first. */
export function diskFull(): Refusal {
  return new Refusal("no_space", "The server's disk is full. Nothing was stored; free some space there.");
}

/** @param code the system's own, `EMFILE` or `ENFILE`. */
export function noFileToOpen(code: string): Refusal {
  return new Refusal(
    "unavailable",
    `The server may open no more files (${code}). Try again; if it happens often, raise larder's limit on open files ` +
      "(`ulimit -n`, LimitNOFILE).",
    1,
  );
}
