import type { Command } from "commander";
import { type StoredArtifact, storedArtifacts } from "../cache/stored-artifacts.ts";
import type { Team } from "../identity/teams.ts";
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
  team?: string;
  keyEnv: string;
  hash?: string;
  json?: true;
}

/** `team` is its slug. */
type InvalidArtifact = Pick<StoredArtifact, "hash" | "scope" | "writtenBy"> & { team: string };

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
    "Check signatures with the key that turbo signs with",
    "larder verify-signature --team web --key-env TURBO_REMOTE_CACHE_SIGNATURE_KEY",
  )
    .option("--team <slug>", "Only of this team, by slug or id")
    .requiredOption("--key-env <name>", "Variable of the environment that holds the key")
    .option("--hash <hash>", "Only the artifacts with this hash")
    .action((options: Options) => {
      const key = keyIn(context, options.keyEnv);
      return withData(context, command, async ({ config, database, teams }) => {
        const asked = options.team === undefined ? await teams.list() : [await teams.get(options.team)];
        const storage = DiskStorage.beside(config.data);
        const { hash } = options;
        const report = emptyReport();
        for (const team of asked) {
          const stored = storedArtifacts(database, { teamId: team.id, tool: turborepo.name, hash });
          await verifyAll(stored, storage, key, team, report);
        }
        if (hash !== undefined && countOf(report) === 0)
          throw new Refusal("not_found", `Nothing is stored under the hash "${hash}".`);
        context.stdout(options.json ? jsonText(report) : summary(report));
        if (report.invalid.length > 0) {
          throw new Refusal(
            "conflict",
            `${counted(report.invalid.length, "signature")} ${report.invalid.length === 1 ? "is" : "are"} not by this key. ` +
              "`larder purge` with --team, and --hash or --written-by, takes artifacts out.",
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

function emptyReport(): Report {
  return { validV2: 0, validV1: 0, unsigned: 0, unreadable: 0, invalid: [] };
}

function countOf({ validV2, validV1, unsigned, unreadable, invalid }: Report): number {
  return validV2 + validV1 + unsigned + unreadable + invalid.length;
}

/** Adds the artifacts of a team to the report. */
async function verifyAll(
  stored: AsyncIterable<StoredArtifact>,
  storage: DiskStorage,
  key: Uint8Array,
  team: Team,
  report: Report,
): Promise<void> {
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
    const version = await verifySignature({ hash, tag, sizeBytes }, streamOf(blob), key, team.id).catch(
      goneAs,
    );
    if (version === "gone") report.unreadable++;
    else if (version === "v2") report.validV2++;
    else if (version === "v1") report.validV1++;
    else report.invalid.push({ team: team.slug, hash, scope, writtenBy });
  }
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
  const rows = invalid.map(({ team, hash, scope, writtenBy }) => [
    team,
    hash,
    scope === "" ? "trusted" : scope,
    writtenBy ?? "TURBO_TOKEN",
  ]);
  return `${counts}\n${textTable([["TEAM", "INVALID", "SCOPE", "WRITTEN BY"], ...rows])}`;
}
