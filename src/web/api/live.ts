import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { apiUrl } from "./call.ts";
import { askAnew, Refresher } from "./refresher.ts";
import type { ChangedRuns } from "./types.ts";

/** How often what no event tells of is asked anew. */
const pollEveryMs = 15_000;
/** A browser tries again by itself where a connection breaks, but not where an answer was a refusal. */
const openAgainAfterMs = 30_000;
/** What changes by itself. */
const changingPaths = ["/overview", "/runs", "/artifacts", "/audit"];
/** What also changes without use of the cache, as by a purge: no event tells of that. */
const untoldPaths = ["/artifacts", "/audit"];

export type LiveState = "live" | "polling";

/**
 * Keeps what is shown up to date for as long as the page is open. The server's events say only what has changed: it is asked
 * for anew, so that every figure is the server's. What no event tells of is asked for now and then; without events, everything.
 */
export function useLive(team: string | undefined): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("polling");
  useEffect(() => {
    let events: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    let polledPaths = changingPaths;
    const refresher = new Refresher(client);
    const refresh = (paths: readonly string[]) => {
      for (const path of paths) refresher.refresh(path);
    };
    const polls = setInterval(() => refresh(polledPaths), pollEveryMs);
    const open = () => {
      events = new EventSource(apiUrl("/live", { team }));
      events.addEventListener("open", () => {
        setState("live");
        polledPaths = untoldPaths;
        // Nobody told what happened before.
        refresh(changingPaths);
      });
      events.addEventListener("error", () => {
        setState("polling");
        polledPaths = changingPaths;
        if (events.readyState !== EventSource.CLOSED) return;
        again = setTimeout(open, openAgainAfterMs);
        // It was refused, and the answer to anything else says why: whoever was signed out is led to sign in.
        for (const path of changingPaths) void askAnew(client, path);
      });
      events.addEventListener("usage", () => refresh(["/overview", "/artifacts"]));
      events.addEventListener("notices", () => refresh(["/overview"]));
      events.addEventListener("runs", ({ data }) => {
        const { ids } = JSON.parse(data) as ChangedRuns;
        refresh(["/runs", ...refresher.shownRuns(ids)]);
      });
    };
    open();
    return () => {
      clearTimeout(again);
      clearInterval(polls);
      refresher.stop();
      events.close();
    };
  }, [client, team]);
  return state;
}
