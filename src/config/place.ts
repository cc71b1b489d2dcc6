/** Where larder is running, as far as settings depend on it. */
export interface Place {
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  cwd: string;
  platform: NodeJS.Platform;
  /** The user's home folder as the system knows it, if it does. The environment may name another. */
  systemHome: string | undefined;
}
