import type { Command } from "commander";
import { type VerifyReport, verifyFor } from "../cache/verifier.ts";
import { sizeValue } from "../config/value-kinds.ts";
import { Refusal } from "../refusal.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { withCache } from "./with-cache.ts";

const progressEveryMs = 200;
const barLength = 30;

/** `larder verify` */
export function verifyCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "verify",
    "Read all blobs, and take out those whose bytes are missing or wrong",
    "larder verify --rate 100MiB",
  )
    .option(
      "--rate <size>",
      "How much to read each second at most",
      flagValue(sizeValue({ minBytes: 1 }), context),
    )
    .action((options: { rate?: number; json?: true }) =>
      withCache(context, command, async ({ cache, database, by, isServed }) => {
        const report = await verifyFor(by, cache.verifier, database, {
          bytesPerSecond: options.rate,
          onlyReport: isServed,
          onProgress: progressBar(context, cache.capacity.storedBytes),
        });
        context.stdout(options.json ? jsonText(report) : summary(report, isServed));
        if (report.rotten.length > 0)
          throw new Refusal(
            "conflict",
            `${counted(report.rotten.length, "blob")} ${report.rotten.length === 1 ? "is" : "are"} rotten.`,
          );
      }),
    );
  return command;
}

function progressBar(context: CommandContext, totalBytes: number): (report: VerifyReport) => void {
  let shownAt = 0;
  return ({ sizeBytes, blobs }) => {
    const isEnd = sizeBytes >= totalBytes;
    if (!isEnd && Date.now() - shownAt < progressEveryMs) return;
    shownAt = Date.now();
    const share = totalBytes === 0 ? 1 : Math.min(1, sizeBytes / totalBytes);
    const bar = "#".repeat(Math.round(share * barLength)).padEnd(barLength, ".");
    context.stderr(`\r[${bar}] ${Math.floor(share * 100)} %, ${counted(blobs, "blob")}${isEnd ? "\n" : ""}`);
  };
}

function summary(report: VerifyReport, isServed: boolean): string {
  const { rotten, unknown } = report;
  const done = isServed ? "the running server looks at them next" : "taken out";
  return [
    `Read ${counted(report.blobs, "blob")}, ${roundSize(report.sizeBytes)}.`,
    rotten.length === 0 ? "None is rotten." : `Rotten, ${done}:\n${lines(rotten)}`,
    unknown.length === 0 ? "" : `Files that no artifact knows, ${done}:\n${lines(unknown)}`,
    "",
  ]
    .filter((text, index, all) => text !== "" || index === all.length - 1)
    .join("\n");
}

function lines(names: readonly string[]): string {
  return names.map((name) => `  ${name}`).join("\n");
}
