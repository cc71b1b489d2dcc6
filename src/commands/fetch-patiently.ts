import { Refusal } from "../refusal.ts";

const timeoutMs = 15_000;
const pauseMs = 1_000;
const longestPauseMs = 10_000;

/**
 * A request that is made once more if the first try met a fault that may pass: no connection, 429 or 5xx.
 * @param who is asked, for the message.
 * @throws Refusal `unavailable` when nobody answers.
 */
export async function fetchPatiently(url: URL, init: RequestInit, who: string): Promise<Response> {
  const first = await tryFetch(url, init);
  if (first && first.status !== 429 && first.status < 500) return first;
  const askedSeconds = Number(first?.headers.get("retry-after") ?? Number.NaN);
  await Bun.sleep(askedSeconds >= 0 ? Math.min(askedSeconds * 1_000, longestPauseMs) : pauseMs);
  const answer = (await tryFetch(url, init)) ?? first;
  if (answer) return answer;
  throw new Refusal("unavailable", `${who} (${url.origin}) cannot be reached.`);
}

async function tryFetch(url: URL, init: RequestInit): Promise<Response | undefined> {
  try {
    // Where a redirect leads nobody knows, and a secret goes with it.
    return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    return undefined;
  }
}
