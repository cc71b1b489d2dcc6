import { readServer } from "../server/data-lock.ts";

/** Where the server on this data folder answers, or undefined if none is running. */
export function runningServerUrl(dataFolder: string): string | undefined {
  const server = readServer(dataFolder);
  // A server that crashed has left its word behind.
  return server?.url !== undefined && isAlive(server.pid) ? server.url : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
