/** One hit or miss, as a client reports it. */
export interface ClientEvent {
  /** The client's own id of its run. */
  sessionId: string | null;
  source: "LOCAL" | "REMOTE";
  event: "HIT" | "MISS";
  hash: string;
  /** What the task once took; 0 for a miss. */
  durationMs: number;
}
