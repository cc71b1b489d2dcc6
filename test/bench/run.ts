/* Measures larder beside its peers: `bun run bench --help`. How, and what came out: docs/benchmarks.md. */

import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildBinary } from "../../build/binary.ts";
import type { Bench } from "./bench.ts";
import { findWrk } from "./load/wrk.ts";
import { loadLimitLines } from "./load-limit-lines.ts";
import { describeMachine } from "./machine.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import type { CaseResult } from "./results.ts";
import { replaceResults } from "./results-page.ts";
import { bigUploads } from "./scenarios/big-uploads.ts";
import { downloads } from "./scenarios/downloads.ts";
import { eviction } from "./scenarios/eviction.ts";
import { idle } from "./scenarios/idle.ts";
import { loadLimit } from "./scenarios/load-limit.ts";
import { misses, mixed, queries, smallUploads } from "./scenarios/requests.ts";
import { restart } from "./scenarios/restart.ts";
import { turboRun } from "./scenarios/turbo-run.ts";
import { bazelRemote } from "./servers/bazel-remote.ts";
import { larders } from "./servers/larder.ts";
import { nginx } from "./servers/nginx.ts";
import { turborepoRemoteCache } from "./servers/turborepo-remote-cache.ts";
import { formatTable, formatVerdict } from "./table.ts";

const root = join(import.meta.dir, "../..");

const scenarios: Record<string, (bench: Bench) => Promise<CaseResult[]>> = {
  idle,
  get: downloads,
  miss: misses,
  put: smallUploads,
  "put-big": bigUploads,
  mixed,
  query: queries,
  restart,
  evict: eviction,
  turbo: turboRun,
  limit: loadLimit,
};

// A signal ends us through `exit`, where the processes that we started are ended and the files removed.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.on(signal, () => process.exit(code));
process.exitCode = await main();

async function main(): Promise<number> {
  if (process.argv.includes("--help")) {
    console.log(`${usage}\n\nScenarios: ${Object.keys(scenarios).join(", ")}`);
    return 0;
  }
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2), process.env);
    check(options);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const scratch = await mkdtemp(join(tmpdir(), "larder-bench-"));
  const removeScratch = () => rmSync(scratch, { recursive: true, force: true });
  process.on("exit", removeScratch);
  try {
    const complete = await measureAndReport(options, scratch);
    return complete ? 0 : 1;
  } finally {
    process.off("exit", removeScratch);
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @throws Error that says what to do when this cannot run here, or not as asked. */
function check({ only }: Options): void {
  const unknown = only.find((name) => !(name in scenarios));
  if (unknown !== undefined) {
    throw new Error(`There is no scenario "${unknown}". There are: ${Object.keys(scenarios).join(", ")}.`);
  }
  if (process.platform !== "linux") {
    throw new Error("The benchmark reads /proc and binds processes to processors. Run it on Linux.");
  }
  if (findWrk() === undefined) {
    throw new Error("The benchmark puts load on servers with wrk. Install it (Debian: apt-get install wrk).");
  }
}

/** @returns whether every scenario could be run. Targets that were missed are for the reader to judge. */
async function measureAndReport(options: Options, scratch: string): Promise<boolean> {
  const tell = (text: string) => console.error(text);
  const ours = larders(await larderBinary(options, scratch));
  const peers = {
    "turborepo-remote-cache": turborepoRemoteCache(options.peers && resolve(options.peers)),
    nginx: nginx(),
    "bazel-remote": bazelRemote(options.bazelRemote && resolve(options.bazelRemote)),
  };
  for (const [name, found] of Object.entries(peers))
    if (!found) tell(`Not measured, since it was not found: ${name}`);
  const servers = [...ours, ...Object.values(peers).filter((peer) => peer !== undefined)];
  const machine = [...describeMachine(scratch), ...servers.map(({ name, version }) => `${name} ${version}`)];
  const bench: Bench = {
    servers,
    larders: ours,
    silentPeer: turborepoRemoteCache(options.peers && resolve(options.peers), true),
    scratch,
    dataCache: options.dataCache && resolve(options.dataCache),
    quick: options.quick,
    rounds: options.rounds,
    durationSeconds: options.quick ? 2 : 4,
    tell,
  };

  let complete = true;
  const results: CaseResult[] = [];
  for (const [name, measure] of Object.entries(scenarios)) {
    if (options.only.length > 0 && !options.only.includes(name)) continue;
    try {
      results.push(...(await measure(bench)));
    } catch (error) {
      // What the others have to say is worth having.
      complete = false;
      tell(`The scenario ${name} failed. ${(error as Error).message}`);
    }
  }

  const about = {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    quick: options.quick,
    rounds: options.rounds,
    machine,
  };
  const report = formatReport(about, results);
  console.log(options.json ? JSON.stringify({ ...about, results }, null, 2) : report);
  if (options.write) {
    const page = Bun.file(join(root, "docs/benchmarks.md"));
    await page.write(replaceResults(await page.text(), report));
  }
  return complete;
}

async function larderBinary({ binary }: Options, scratch: string): Promise<string> {
  if (binary !== undefined) return resolve(binary);
  const outfile = join(scratch, "larder");
  await buildBinary({ outfile });
  return outfile;
}

interface About {
  date: string;
  commit: string;
  quick: boolean;
  rounds: number;
  machine: string[];
}

function formatReport({ date, commit, quick, rounds, machine }: About, results: CaseResult[]): string {
  return [
    `Measured on ${date} at commit ${commit}, rounds: ${rounds}${quick ? ", with `--quick`: one short round, good for a look only" : ""}.`,
    machine.map((line) => `- ${line}`).join("\n"),
    formatTable(results),
    formatVerdict(results),
    loadLimitLines(results).join("\n\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function commit(): string {
  const git = (...args: string[]) =>
    Bun.spawnSync(["git", ...args], { cwd: root })
      .stdout.toString()
      .trim();
  const changed =
    git("status", "--porcelain", "--untracked-files=no", "--", "src", "build", "package.json") !== "";
  return `${git("rev-parse", "--short", "HEAD") || "unknown"}${changed ? " with changes on top" : ""}`;
}
