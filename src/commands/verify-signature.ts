import type { Command } from "commander";
import { type StoredArtifact, storedArtifacts } from "../cache/stored-artifacts.ts";
import { minKeyBytes, verifySignature } from "../protocols/turbo/signature.ts";
import { Refusal } from "../refusal.ts";
import type { StoredBlob } from "../storage/blob-storage.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import { turborepo } from "../tools.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { envValue } from "./env-value.ts";
import { jsonText } from "./json-text.ts";
import { textTable } from "./text-table.ts";
import { withData } from "./with-data.ts";

interface Options {
  team: string;
  keyEnv: string;
  hash?: string;
  json?: true;
}

type InvalidArtifact = Pick<StoredArtifact, "hash" | "scope" | "writtenBy">;

interface Report {
  validV2: number;
  validV1: number;
  unsigned: number;
  /** Those whose bytes are missing, or have just gone. */
  unreadable: number;
  invalid: InvalidArtifact[];
}

/** `larder verify-signature` */
export function verifySignatureCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "verify-signature",
    "Check a team's signatures with the key that turbo signs with",
    "larder verify-signature --team web --key-env TURBO_REMOTE_CACHE_SIGNATURE_KEY",
  )
    .requiredOption("--team <slug>", "Slug or id of the team")
    .requiredOption("--key-env <name>", "Variable of the environment that holds the key")
    .option("--hash <hash>", "Only the artifacts with this hash")
    .action((options: Options) => {
      const key = keyIn(context, options.keyEnv);
      return withData(context, command, async ({ config, database, teams }) => {
        const team = await teams.get(options.team);
        const stored = storedArtifacts(database, {
          teamId: team.id,
          tool: turborepo.name,
          hash: options.hash,
        });
        const report = await verifyAll(stored, DiskStorage.beside(config.data), key, team.id);
        context.stdout(options.json ? jsonText(report) : summary(report));
        if (report.invalid.length > 0) {
          throw new Refusal(
            "conflict",
            `${counted(report.invalid.length, "signature")} ${report.invalid.length === 1 ? "is" : "are"} not by this key. ` +
              `\`larder purge --team ${team.slug}\` with --hash or --written-by takes artifacts out.`,
          );
        }
      });
    });
  return command;
}

/** turbo signs with the variable's bytes as they are. @throws Refusal `bad_request`. */
function keyIn(context: CommandContext, name: string): Uint8Array {
  const key = Buffer.from(envValue(context.env, "--key-env", name) ?? "");
  if (key.byteLength === 0) {
    throw new Refusal(
      "bad_request",
      "The variable that --key-env names is not set. Set it to the key that turbo signs with.",
    );
  }
  if (key.byteLength < minKeyBytes) {
    context.stderr(`larder: the key has ${key.byteLength} bytes; turbo wants ${minKeyBytes} or more.\n`);
  }
  return key;
}

async function verifyAll(
  stored: AsyncIterable<StoredArtifact>,
  storage: DiskStorage,
  key: Uint8Array,
  teamId: string,
): Promise<Report> {
  const report: Report = { validV2: 0, validV1: 0, unsigned: 0, unreadable: 0, invalid: [] };
  for await (const artifact of stored) {
    const { hash, scope, writtenBy, tag, sha256, sizeBytes } = artifact;
    if (tag === null) {
      report.unsigned++;
      continue;
    }
    const blob = await storage.find(sha256);
    if (blob?.sizeBytes !== sizeBytes) {
      report.unreadable++;
      continue;
    }
    const version = await verifySignature({ hash, tag, sizeBytes }, streamOf(blob), key, teamId).catch(
      goneAs,
    );
    if (version === "gone") report.unreadable++;
    else if (version === "v2") report.validV2++;
    else if (version === "v1") report.validV1++;
    else report.invalid.push({ hash, scope, writtenBy });
  }
  return report;
}

/** The server beside may have removed the bytes since they were found. */
function goneAs(error: NodeJS.ErrnoException): "gone" {
  if (error.code === "ENOENT") return "gone";
  throw error;
}

function streamOf({ body }: StoredBlob): AsyncIterable<Uint8Array> {
  return body instanceof Blob ? body.stream() : body;
}

function summary({ validV2, validV1, unsigned, unreadable, invalid }: Report): string {
  const counts = textTable([
    ["Valid (v2)", String(validV2)],
    ["Valid (v1)", String(validV1)],
    ["Unsigned", String(unsigned)],
    ["Unreadable", String(unreadable)],
    ["Invalid", String(invalid.length)],
  ]);
  if (invalid.length === 0) return counts;
  const rows = invalid.map(({ hash, scope, writtenBy }) => [
    hash,
    scope === "" ? "trusted" : scope,
    writtenBy ?? "TURBO_TOKEN",
  ]);
  return `${counts}\n${textTable([["INVALID", "SCOPE", "WRITTEN BY"], ...rows])}`;
}
