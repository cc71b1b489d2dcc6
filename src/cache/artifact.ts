/**
 * Where an artifact stands, or who asks for it: whoever asks from a scope finds what stands there, and else what is trusted.
 * Artifacts of another team, tool or scope are never seen.
 */
export interface ArtifactKey extends ArtifactSpace {
  /** The client's hash of the task's inputs: 1 to 256 of letters, digits, `-` and `_`. */
  hash: string;
}

export interface ArtifactSpace {
  teamId: string;
  /** The client's protocol, such as `turbo`. */
  tool: string;
  /** Empty for trusted work; else a label such as `pr-123`, of work that must not reach the trusted. */
  scope: string;
}

/** The scope of everything that a trusted principal writes. */
export const trustedScope = "";

/** What the client says of an artifact when it uploads it. */
export interface ArtifactFacts {
  durationMs: number;
  tag: string | null;
  sha: string | null;
  dirtyHash: string | null;
  clientCi: string | null;
  clientInteractive: boolean | null;
  /** Id of the token that wrote it; null for the environment's. */
  writtenBy: string | null;
}

/** A stored artifact, without its bytes. */
export interface Artifact {
  /** In which it stands: empty for a trusted one. */
  scope: string;
  hash: string;
  /** Of its bytes, in hex. */
  sha256: string;
  sizeBytes: number;
  durationMs: number;
  tag: string | null;
  sha: string | null;
  dirtyHash: string | null;
}
