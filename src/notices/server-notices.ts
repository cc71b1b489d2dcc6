import { countOf, type Notice } from "./notice.ts";
import type { NoticeFacts, ServerFacts } from "./notice-facts.ts";

const ownNames = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** What is wrong with how the server is set up. */
export function serverNotices({ hasAdministrator, server }: NoticeFacts): Notice[] {
  const notices: Notice[] = [];
  if (!hasAdministrator) {
    notices.push({
      code: "no_administrator",
      severity: "warning",
      title: "There is no administrator",
      message: "Nobody can administer this server in a browser.",
      remedy:
        "Open the link that `larder serve` prints when it starts, or make one with `larder user create EMAIL --role admin`.",
    });
  }
  return server ? [...notices, ...addressNotices(server), ...usageNotices(server)] : notices;
}

function addressNotices({ settings: { publicUrl, proxyHops } }: ServerFacts): Notice[] {
  const notices: Notice[] = [];
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  if (url?.protocol === "http:" && !ownNames.test(url.hostname)) {
    notices.push({
      code: "plain_http",
      severity: "warning",
      title: "Tokens and passwords travel unencrypted",
      message: `The server's address is ${publicUrl}: whoever is on the way can read what clients send.`,
      remedy: "Put a proxy with HTTPS in front, and set `publicUrl` to its address.",
    });
  }
  if (url?.protocol === "https:" && proxyHops === 0) {
    notices.push({
      code: "proxy_hops",
      severity: "info",
      title: "All clients seem to have one address",
      message:
        "The address begins with https, so a proxy stands in front, and proxyHops is 0: logs and limits see the proxy and not the clients.",
      remedy: "Set `proxyHops` to the number of proxies, each of which has to add to X-Forwarded-For.",
    });
  }
  return notices;
}

function usageNotices({ droppedUsage }: ServerFacts): Notice[] {
  if (droppedUsage === 0) return [];
  return [
    {
      code: "usage_dropped",
      severity: "warning",
      title: "Hits and savings are not complete",
      message: `Of ${countOf(droppedUsage, "event")} (hits, misses and uploads) the details could not be kept since the server started.`,
      remedy:
        "The server's log says why (`logLevel`): mostly a database that could not be written for long, or more than is kept (`eventMaxAge`).",
    },
  ];
}
