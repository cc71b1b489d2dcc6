/*
 * Bundles the dashboard into src/web/built, from where the server serves it and the binary carries it. Does nothing when what
 * lies there was made of the same inputs, which keeps a second start quick.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = join(import.meta.dir, "..");
const everything = join(root, "src");
const source = join(everything, "web");
const target = join(source, "built");
const stamp = Bun.file(join(target, "inputs"));

const types: Record<string, string> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

interface Output {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Makes sure that src/web/built is what the sources say. */
async function buildWeb(): Promise<void> {
  const inputs = await hashOfInputs();
  if ((await stamp.exists()) && (await stamp.text()) === inputs) return;
  // Beside its place, so that it is never there in part: another start may read it right now.
  const folder = await mkdtemp(join(source, "built-"));
  try {
    const script = await bundleScripts();
    const styles = await compileStyles();
    await write(folder, script, styles);
    await Bun.write(join(folder, "inputs"), inputs);
    await rm(target, { recursive: true, force: true });
    await rename(folder, target).catch(async (error: NodeJS.ErrnoException) => {
      // Two that began at the same time have made the same.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names and contents of all that goes in. */
async function hashOfInputs(): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const own = await readdir(source, { recursive: true, withFileTypes: true });
  // What lies beside the rooms is for all of them.
  const files = [...own, ...(await readdir(everything, { withFileTypes: true }))];
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => !path.startsWith(join(source, "built")))
    .sort();
  for (const path of [...paths, import.meta.path, join(root, "bun.lock"), join(root, "tsconfig.json")]) {
    const bytes = await Bun.file(path).bytes();
    hasher.update(`${path.slice(root.length)} ${bytes.byteLength}\n`).update(bytes);
  }
  return hasher.digest("hex");
}

/** The entry comes first. */
async function bundleScripts(): Promise<Output[]> {
  const { outputs } = await Bun.build({
    entrypoints: [join(source, "main.tsx")],
    target: "browser",
    minify: true,
    splitting: true,
    naming: "[name]-[hash].[ext]",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const sorted = outputs.toSorted(
    (a, b) => Number(b.kind === "entry-point") - Number(a.kind === "entry-point"),
  );
  return await Promise.all(
    sorted.map(async (output) => ({
      name: basename(output.path),
      bytes: new Uint8Array(await output.arrayBuffer()),
    })),
  );
}

async function compileStyles(): Promise<Output> {
  const compiler = Bun.spawn(
    [
      process.execPath,
      join(root, "node_modules/@tailwindcss/cli/dist/index.mjs"),
      "--input",
      join(source, "style.css"),
      "--minify",
    ],
    { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [bytes, log] = await Promise.all([
    new Response(compiler.stdout).bytes(),
    new Response(compiler.stderr).text(),
  ]);
  if ((await compiler.exited) !== 0) throw new Error(`Tailwind could not compile src/web/style.css.\n${log}`);
  return { name: `style-${Bun.hash(bytes).toString(36)}.css`, bytes };
}

/** Each file twice, compressed, and the module that lists them. */
async function write(folder: string, scripts: readonly Output[], styles: Output): Promise<void> {
  await mkdir(folder, { recursive: true });
  const imports: string[] = [];
  const entries: string[] = [];
  for (const [index, { name, bytes }] of [...scripts, styles].entries()) {
    await Bun.write(join(folder, `${name}.br`), brotliCompressSync(bytes, brotliOptions(bytes)));
    await Bun.write(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    imports.push(
      `import brotli${index} from "./${name}.br" with { type: "file" };`,
      `import gzip${index} from "./${name}.gz" with { type: "file" };`,
    );
    const type = types[extname(name)] as string;
    entries.push(`"${name}": { type: "${type}", brotli: brotli${index}, gzip: gzip${index} },`);
  }
  await Bun.write(
    join(folder, "dashboard.ts"),
    `/* Written by build/web.ts. */
import type { BuiltDashboard } from "../built-dashboard.ts";
${imports.join("\n")}

export const dashboard: BuiltDashboard = {
  script: "${scripts[0]?.name}",
  styles: "${styles.name}",
  files: {
    ${entries.join("\n    ")}
  },
};
`,
  );
}

function brotliOptions(bytes: Uint8Array) {
  return {
    params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  };
}

// As a script, and before tests.
await buildWeb();
