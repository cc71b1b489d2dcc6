/** What build/web.ts has made of this folder. */
export interface BuiltDashboard {
  /** The names of the two files that the page begins with. */
  script: string;
  styles: string;
  /** By name. A name changes with the content. */
  files: Record<string, BuiltFile>;
}

export interface BuiltFile {
  /** The value of Content-Type. */
  type: string;
  /** Where the compressed bytes lie: a path that `Bun.file` takes, in the binary, too. */
  brotli: string;
  gzip: string;
}
