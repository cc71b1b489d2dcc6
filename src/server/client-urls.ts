import { localUrl, networkUrls } from "./addresses.ts";
import { runningServer } from "./data-lock.ts";

/** Where clients find a larder. */
export interface ClientUrls {
  url: string;
  /** How other machines reach it, where `url` is for its own machine only. */
  networkUrls: string[];
  /** No server runs that could have told, so this is what the settings would lead to. */
  isGuess: boolean;
}

/** The public URL if there is one, else what the server on this data folder says, else what the settings would lead to. */
export function clientUrls(from: {
  publicUrl: string | undefined;
  data: string;
  host: string;
  port: number;
  basePath: string;
}): ClientUrls {
  const { publicUrl, data, host, port, basePath } = from;
  if (publicUrl !== undefined) return { url: publicUrl, networkUrls: [], isGuess: false };
  const server = runningServer(data);
  if (server?.url !== undefined) {
    return { url: server.url, networkUrls: server.networkUrls ?? [], isGuess: false };
  }
  return {
    url: localUrl(host, port, basePath),
    networkUrls: networkUrls(host, port, basePath),
    isGuess: true,
  };
}
