import { writeSync } from "node:fs";

/**
 * Writes all of a text to standard output (1) or error (2) before it returns, so that exiting right after loses nothing.
 * A reader that has gone away, as `head` does, is no error: nobody is left to read the rest.
 */
export function writeText(fd: 1 | 2, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      // The other end made the pipe non-blocking, and it is full.
      Bun.sleepSync(1);
    }
  }
}
