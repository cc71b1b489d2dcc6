import { type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { apiUrl } from "./call.ts";
import { addToOverview } from "./totals.ts";
import type { Notice, Overview, Totals } from "./types.ts";

/** How often everything is asked anew while the server sends no events of its own. */
const pollEveryMs = 15_000;
/** Beside the events, since they tell nothing of what is not counted in them, such as the storage. */
const refreshAfterMs = 10_000;
/** A browser tries again by itself where a connection breaks, but not where an answer was a refusal. */
const openAgainAfterMs = 30_000;

export type LiveState = "live" | "polling";

/** Keeps what is shown up to date for as long as the page is open, by the server's events, or else by asking now and then. */
export function useLive(team: string | undefined): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("polling");
  useEffect(() => {
    let events: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    const refresher = new Refresher(client);
    const open = () => {
      events = new EventSource(apiUrl("/live", { team }));
      events.addEventListener("open", () => setState("live"));
      events.addEventListener("error", () => {
        setState("polling");
        if (events.readyState === EventSource.CLOSED) again = setTimeout(open, openAgainAfterMs);
      });
      events.addEventListener("usage", ({ data }) => {
        const more = JSON.parse(data) as Partial<Totals>;
        changeOverviews(client, team, (overview) => addToOverview(overview, more));
        refresher.refresh("/overview", refreshAfterMs);
      });
      events.addEventListener("run", () => refresher.refresh("/runs", 2_000));
      events.addEventListener("notices", ({ data }) => {
        const notices = JSON.parse(data) as Notice[];
        changeOverviews(client, team, (overview) => ({ ...overview, notices }));
      });
    };
    open();
    return () => {
      clearTimeout(again);
      refresher.stop();
      events.close();
    };
  }, [client, team]);
  useEffect(() => {
    if (state === "live") return;
    const timer = setInterval(() => {
      if (document.visibilityState !== "visible") return;
      for (const path of ["/overview", "/runs"])
        void client.invalidateQueries({ queryKey: [path], predicate: isShort });
    }, pollEveryMs);
    return () => clearInterval(timer);
  }, [client, state]);
  return state;
}

/** Those of the team, whatever their range of time. */
function changeOverviews(
  client: QueryClient,
  team: string | undefined,
  change: (overview: Overview) => Overview,
): void {
  client.setQueriesData<Overview>(
    {
      queryKey: ["/overview"],
      predicate: ({ queryKey }) => (queryKey[1] as { team?: string } | undefined)?.team === team,
    },
    (overview) => overview && change(overview),
  );
}

/** Whoever reads far down in a list keeps it as it is: all of it would have to be asked for again. */
function isShort({ state }: Query): boolean {
  const { pages = [] } = (state.data ?? {}) as { pages?: unknown[] };
  return pages.length <= 1;
}

/** Asks anew for what has changed, at most once in a while. */
class Refresher {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly client: QueryClient) {}

  refresh(path: string, afterMs: number): void {
    if (this.timers.has(path)) return;
    const timer = setTimeout(() => {
      this.timers.delete(path);
      void this.client.invalidateQueries({ queryKey: [path], predicate: isShort });
    }, afterMs);
    this.timers.set(path, timer);
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
  }
}
