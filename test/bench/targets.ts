import { type CaseResult, type Measurement, type ServerResult, timesBetter } from "./results.ts";
import { evictingName, quietName } from "./scenarios/eviction.ts";
import { mib } from "./scenarios/sizes.ts";

/** What larder wants to reach, and whether it does. */
export interface Verdict {
  target: string;
  /** Undefined where nobody can tell: the peer was not measured, or other work on the machine disturbed one of them. */
  passed: boolean | undefined;
}

interface PeerTarget {
  /** Cases by the beginning of their names. */
  cases: string;
  peer: string;
  atLeast: number;
  /** The larder that has to reach it; each, if not said. */
  larder?: string;
}

const peerTargets: PeerTarget[] = [
  { cases: "GET 100 KiB", peer: "turborepo-remote-cache", atLeast: 3 },
  { cases: "GET 100 KiB", peer: "nginx", atLeast: 0.5 },
  { cases: "GET 1 MiB", peer: "nginx", atLeast: 0.9 },
  { cases: "GET 100 MiB", peer: "nginx", atLeast: 0.9 },
  { cases: "GET 404", peer: "turborepo-remote-cache", atLeast: 3 },
  { cases: "PUT 100 KiB", peer: "turborepo-remote-cache", atLeast: 1.5, larder: "larder fast" },
  { cases: "PUT 100 KiB", peer: "turborepo-remote-cache", atLeast: 0.9, larder: "larder" },
  { cases: "PUT 1 GiB", peer: "turborepo-remote-cache", atLeast: 3 },
  { cases: "PUT 1 GiB", peer: "nginx", atLeast: 1 },
];

/** Below these, whatever the peers do. */
const maxPeakMemoryBytes = 150 * mib;
const maxIdleMemoryMib = 60;
const maxFirstHitMs = 1_000;
const maxTimesSlowerWhileEvicting = 2;

/**
 * Beyond this share of a processor, what else the machine did has made a rate worthless. The kernel's own writing for a server
 * that uploads are sent to stays below it.
 */
export const disturbingShare = 0.25;

function isDisturbed({ othersShare = 0 }: Measurement): boolean {
  return othersShare > disturbingShare;
}

/** The targets that one larder's result has to meet. @param all everything that was measured. */
export function verdictsOf(one: CaseResult, larder: ServerResult, all: CaseResult[]): Verdict[] {
  const { median, peakMemoryBytes } = larder;
  if (!larder.isLarder || median === undefined) return [];
  const verdicts: Verdict[] = [];
  for (const { cases, peer, atLeast, larder: whose } of peerTargets) {
    if (!one.name.startsWith(cases) || (whose ?? larder.server) !== larder.server) continue;
    const theirs = one.servers.find(({ server }) => server === peer)?.median;
    const passed =
      theirs === undefined || isDisturbed(median) || isDisturbed(theirs)
        ? undefined
        : timesBetter(one.unit, median.value, theirs.value) >= atLeast;
    verdicts.push({ target: `≥ ${atLeast}× ${peer}`, passed });
  }
  if (one.scenario === "idle") {
    verdicts.push({ target: `< ${maxIdleMemoryMib} MiB`, passed: median.value < maxIdleMemoryMib });
  }
  if (one.scenario === "restart") {
    verdicts.push({ target: `≤ ${maxFirstHitMs / 1000} s`, passed: median.value <= maxFirstHitMs });
  }
  if (one.name === evictingName) {
    const quiet = all
      .find(({ name }) => name === quietName)
      ?.servers.find(({ server }) => server === larder.server)?.median;
    if (quiet) {
      const passed = median.value < maxTimesSlowerWhileEvicting * quiet.value;
      verdicts.push({ target: `< ${maxTimesSlowerWhileEvicting}× of when all is quiet`, passed });
    }
  }
  if (peakMemoryBytes !== undefined) {
    const target = `peak < ${maxPeakMemoryBytes / mib} MiB`;
    verdicts.push({ target, passed: peakMemoryBytes < maxPeakMemoryBytes });
  }
  return verdicts;
}
