import { parseArgs } from "node:util";

export interface Options {
  quick: boolean;
  /** How many times each server is measured. */
  rounds: number;
  json: boolean;
  write: boolean;
  /** Names of scenarios; empty for all. */
  only: string[];
  /** A folder whose node_modules holds turborepo-remote-cache. */
  peers: string | undefined;
  /** The program. */
  bazelRemote: string | undefined;
  /** A larder to measure in place of one that is built from this tree. */
  binary: string | undefined;
  /** Where the folder with a million artifacts is kept from one run to the next. */
  dataCache: string | undefined;
}

export const usage = `bun run bench [options]

  --quick              one short round, 16 connections only, and no more than one upload of 1 GiB
  --rounds N           measure each server so many times (3 if not said)
  --only SCENARIO      only this scenario; may be given several times, or as a list with commas
  --json               print everything that was measured as JSON, in place of the table
  --write              also put the table into docs/benchmarks.md
  --peers DIR          folder with node_modules/.bin/turborepo-remote-cache (or BENCH_PEERS)
  --bazel-remote PATH  the program bazel-remote (or BENCH_BAZEL_REMOTE)
  --binary PATH        measure this larder instead of one built from this tree
  --data-cache DIR     keep the generated artifacts here for the next run

All files that are measured lie in the system's temporary folder; set TMPDIR to measure another disk.`;

/** @throws TypeError for an unknown or incomplete option. */
export function parseOptions(args: string[], env: Record<string, string | undefined>): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      peers: { type: "string" },
      "bazel-remote": { type: "string" },
      binary: { type: "string" },
      "data-cache": { type: "string" },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError("--rounds is a whole number from 1 on.");
  return {
    quick: values.quick,
    rounds,
    json: values.json,
    write: values.write,
    only: values.only.flatMap((names) => names.split(",")),
    peers: values.peers ?? env.BENCH_PEERS,
    bazelRemote: values["bazel-remote"] ?? env.BENCH_BAZEL_REMOTE,
    binary: values.binary,
    dataCache: values["data-cache"],
  };
}
