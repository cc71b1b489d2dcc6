/* Checks that rooms import only what they may: see the table below. */
import { dirname, join, relative, sep } from "node:path";
import { isImportDeclaration, type Node, SyntaxKind } from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";

/**
 * A room is a folder under src, or a file there. Arrows point down this list: a room may import those of any later
 * line, none of an earlier one, and none that stands beside it.
 */
const layers = [
  ["main.ts"],
  ["commands"],
  ["app"],
  ["protocols", "admin", "sign-in", "metrics", "server"],
  ["http", "notices"],
  ["cache", "identity", "usage"],
  ["audit"],
  ["storage", "database"],
];

/** For anybody, and they import no room themselves. */
const everybodys = [
  "past-time.ts",
  "refusal.ts",
  "remembered.ts",
  "tools.ts",
  "units.ts",
  "version.ts",
  "without-secrets.ts",
];

interface Exception {
  mayImport: string[];
  /** Only with `import type`, of which nothing is left when it runs. */
  mayImportTypesOf?: string[];
  mayBeImportedBy: string[];
}

/** Rooms with rules of their own. */
const exceptions: Record<string, Exception> = {
  // Everything else takes what it needs as arguments.
  config: { mayImport: [], mayBeImportedBy: ["main.ts", "commands", "app"] },
  // Speaks to `admin` over HTTP, as anybody's script would, and knows by its types what it answers.
  web: { mayImport: [], mayImportTypesOf: ["admin"], mayBeImportedBy: ["app"] },
};

export interface Violation {
  /** Relative to the root, as is `imported`. */
  file: string;
  line: number;
  imported: string;
  rule: string;
}

/** Every forbidden import under `root/src`, whether of values or of types. `root` holds the tsconfig.json. */
export async function findViolations(root: string): Promise<Violation[]> {
  const violations: Violation[] = [];
  let files = 0;
  // The compiler's own list of imports: no import syntax escapes it, and nothing in a comment or a string gets in.
  const compiler = new API({ cwd: root });
  try {
    const snapshot = await compiler.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] });
    for (const project of snapshot.getProjects()) {
      for (const path of project.rootFiles) {
        const file = fromRoot(root, path);
        if (!file.startsWith("src/")) continue;
        files++;
        const source = await project.program.getSourceFile(path);
        for (const specifier of source?.imports ?? []) {
          const name = specifier.getText(source).slice(1, -1);
          if (!name.startsWith(".")) continue;
          const imported = fromRoot(root, join(dirname(path), name));
          const rule = brokenRule(file, imported, isTypeImport(specifier.parent));
          const position = specifier.getStart(source);
          const line = (source?.getLineAndCharacterOfPosition(position).line ?? 0) + 1;
          if (rule) violations.push({ file, line, imported, rule });
        }
      }
    }
  } finally {
    await compiler.close();
  }
  if (files === 0) throw new Error(`The tsconfig.json of ${root} names no file under src.`);
  return violations.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

/** Whether it is an `import type` as a whole. */
function isTypeImport(declaration: Node): boolean {
  return (
    isImportDeclaration(declaration) && declaration.importClause?.phaseModifier === SyntaxKind.TypeKeyword
  );
}

/**
 * The rule that forbids `file` to import `imported`, both relative to the root, or undefined if it may.
 * @param isType whether it imports types only.
 */
export function brokenRule(file: string, imported: string, isType = false): string | undefined {
  if (!imported.startsWith("src/")) {
    // The version has one home, and the compiled binary carries it.
    if (file === "src/version.ts" && imported === "package.json") return undefined;
    return "what ships imports nothing from outside src";
  }
  const from = roomOf(file);
  const to = roomOf(imported);
  if (from === to) return brokenProtocolsRule(file, imported);
  if (everybodys.includes(to)) return undefined;
  const known = [...layers.flat(), ...everybodys, ...Object.keys(exceptions)];
  for (const room of [from, to]) {
    if (!known.includes(room)) return `${room} is no room that build/arrows.ts knows: give it a place there`;
  }
  if (isType && exceptions[from]?.mayImportTypesOf?.includes(to)) return undefined;
  const may = roomsFor(from);
  return may.includes(to) ? undefined : `${from} may import only ${[...may, ...everybodys].join(", ")}`;
}

function brokenProtocolsRule(file: string, imported: string): string | undefined {
  const [, room, ours, ...deeper] = file.split("/");
  const [, , theirs, ...theirsDeeper] = imported.split("/");
  // Files that lie in protocols itself serve all tools.
  if (room !== "protocols" || ours === theirs || theirsDeeper.length === 0) return undefined;
  if (deeper.length === 0) return `protocols/${ours} serves all tools, so it imports none of them`;
  return `protocols/${ours} may not import protocols/${theirs}: one tool knows nothing of another`;
}

function roomsFor(room: string): string[] {
  if (everybodys.includes(room)) return [];
  const exceptional = Object.entries(exceptions)
    .filter(([, { mayBeImportedBy }]) => mayBeImportedBy.includes(room))
    .map(([name]) => name);
  const below = layers.slice(layers.findIndex((layer) => layer.includes(room)) + 1).flat();
  return exceptions[room]?.mayImport ?? [...below, ...exceptional];
}

function roomOf(file: string): string {
  return file.split("/")[1] as string;
}

function fromRoot(root: string, path: string): string {
  return relative(root, path).split(sep).join("/");
}

if (import.meta.main) {
  // Another folder than this one only for the test of this file.
  const violations = await findViolations(process.argv[2] ?? join(import.meta.dir, ".."));
  for (const { file, line, imported, rule } of violations) {
    console.error(`${file}:${line}: imports ${imported}, but ${rule}.`);
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
}
