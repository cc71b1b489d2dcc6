import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { apiUrl } from "./call.ts";
import { askAnew, Refresher } from "./refresher.ts";
import type { ChangedRuns } from "./types.ts";

/** How often everything is asked anew while the server sends no events of its own. */
const pollEveryMs = 15_000;
/** A browser tries again by itself where a connection breaks, but not where an answer was a refusal. */
const openAgainAfterMs = 30_000;
/** What changes by itself. */
const changingPaths = ["/overview", "/runs"];

export type LiveState = "live" | "polling";

/**
 * Keeps what is shown up to date for as long as the page is open. The server's events say only what has changed: it is asked
 * for anew, so that every figure is the server's. Without events everything is asked for now and then.
 */
export function useLive(team: string | undefined): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("polling");
  useEffect(() => {
    let events: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    const refresher = new Refresher(client);
    const open = () => {
      events = new EventSource(apiUrl("/live", { team }));
      events.addEventListener("open", () => {
        setState("live");
        // Nobody told what happened before.
        for (const path of changingPaths) refresher.refresh(path);
      });
      events.addEventListener("error", () => {
        setState("polling");
        if (events.readyState !== EventSource.CLOSED) return;
        again = setTimeout(open, openAgainAfterMs);
        // It was refused, and the answer to anything else says why: whoever was signed out is led to sign in.
        for (const path of changingPaths) void askAnew(client, path);
      });
      for (const name of ["usage", "notices"])
        events.addEventListener(name, () => refresher.refresh("/overview"));
      events.addEventListener("runs", ({ data }) => {
        refresher.refresh("/runs");
        const { ids } = JSON.parse(data) as ChangedRuns;
        for (const path of refresher.shownRuns(ids)) refresher.refresh(path);
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
      for (const path of changingPaths) void askAnew(client, path);
    }, pollEveryMs);
    return () => clearInterval(timer);
  }, [client, state]);
  return state;
}
