import { refusalAnswer } from "../http/answer.ts";
import { metricsAlone } from "../metrics/metrics-route.ts";
import { localUrl } from "../server/addresses.ts";
import { type Listener, listen } from "../server/listen.ts";
import { Requests } from "../server/requests.ts";
import type { Parts } from "./parts.ts";

/**
 * Where the settings give the metrics an address of their own, listens there.
 * @throws Refusal `unavailable` when it cannot be had.
 */
export function listenForMetrics({ config, metrics, log }: Parts): Listener | undefined {
  const { metricsHost: host, metricsPort: port } = config;
  if (port === undefined) return undefined;
  const listener = listen({
    handle: metricsAlone(metrics, host),
    refuse: refusalAnswer,
    host,
    port,
    idleTimeoutMs: config.idleTimeout,
    requests: new Requests(config.proxyHops),
    log,
    // They come by the clock, and would be most of the log of a quiet server.
    logRequest: () => {},
    flags: { host: "--metrics-host", port: "--metrics-port" },
  });
  log.info({ url: `${localUrl(host, listener.port, "")}/metrics` }, "metrics served");
  return listener;
}
