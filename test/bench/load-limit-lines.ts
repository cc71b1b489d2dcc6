import type { CaseResult } from "./results.ts";

/** At this share of the load generator's limit a figure may be the load generator's, and no longer the server's. */
const tooNear = 0.8;

/** One line for each limit that was measured, saying how near to it the fastest server came. */
export function loadLimitLines(results: CaseResult[]): string[] {
  return results
    .filter(({ scenario }) => scenario === "limit")
    .flatMap(({ name, unit, servers }) => {
      const limit = servers[0]?.median?.value;
      const figures = results
        .filter((other) => other.name === name && other.scenario !== "limit")
        .flatMap((other) =>
          other.servers.map(({ server, median }) => ({ server, value: median?.value ?? 0 })),
        );
      const fastest = figures.toSorted((a, b) => b.value - a.value)[0];
      if (limit === undefined || fastest === undefined) return [];
      const share = fastest.value / limit;
      const reading =
        share < tooNear ? "so the server is what was measured" : "so it may be what was measured";
      return (
        `${name}: the load generator reaches ${Math.round(limit).toLocaleString("en")} ${unit} against a server that ` +
        `does nothing, and the fastest server (${fastest.server}) came to ${Math.round(share * 100)}% of that, ${reading}.`
      );
    });
}
