import { networkInterfaces } from "node:os";

const everywhere = new Set(["0.0.0.0", "::", ""]);

/** How this machine itself reaches a server that listens on `host`. */
export function localUrl(host: string, port: number, basePath: string): string {
  const name = everywhere.has(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}${basePath}`;
}

/** How other machines reach it: by each of this machine's own addresses, if it listens on all of them. */
export function networkUrls(host: string, port: number, basePath: string): string[] {
  if (!everywhere.has(host)) return [];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === "IPv4" && !address.internal)
    .map((address) => `http://${address.address}:${port}${basePath}`);
}
