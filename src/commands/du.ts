import type { Command } from "commander";
import { totals } from "../cache/totals.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { textTable } from "./text-table.ts";
import { withData } from "./with-data.ts";

/** `larder du` */
export function duCommand(context: CommandContext): Command {
  const command = dataSubcommand("du", "Show what the teams use, and what sharing saves", "larder du").action(
    (options: { json?: true }) =>
      withData(context, command, async ({ config, database }) => {
        const all = await totals(database);
        const quarantined = await DiskStorage.beside(config.data).inQuarantine();
        if (options.json) return context.stdout(jsonText({ ...all, quarantined }));
        const table = textTable([
          ["TEAM", "ARTIFACTS", "LOGICAL", "USED", "QUOTA"],
          ...all.teams.map((team) => [
            team.team,
            String(team.artifacts),
            roundSize(team.sizeBytes),
            roundSize(team.usedBytes),
            team.quotaBytes === null ? "none" : roundSize(team.quotaBytes),
          ]),
        ]);
        const takes = all.blobs === 1 ? "takes" : "take";
        context.stdout(
          `${table}\n${counted(all.blobs, "blob")} ${takes} ${roundSize(all.storedBytes)}; ` +
            `sharing saves ${roundSize(all.savedBytes)}.\n`,
        );
        if (quarantined.blobs === 0) return;
        context.stdout(
          `In quarantine: ${counted(quarantined.blobs, "damaged blob")} (${roundSize(quarantined.sizeBytes)}); ` +
            "the server, or `larder gc`, removes what has been there for over 30 days.\n",
        );
      }),
  );
  return command;
}
