/** What commands know of the process that runs them. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** What was asked for, and nothing else, so that scripts can read it. */
  stdout(text: string): void;
  /** Whatever else there is to say. */
  stderr(text: string): void;
}
