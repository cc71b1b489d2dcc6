import { stat } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

export interface BinaryOptions {
  /** Where to write it. Windows targets want a name that ends with `.exe`. */
  outfile: string;
  /** The platform to build for; this one if not said. */
  target?: Bun.Build.CompileTarget;
}

/**
 * Compiles larder with everything it needs into one executable file.
 * Resolves with its size in bytes.
 * @throws AggregateError with what the bundler found wrong.
 */
export async function buildBinary({ outfile, target }: BinaryOptions): Promise<number> {
  await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    // Not minified: Elysia reads the text of handlers and compares the names of classes, and would check less of a request than
    // it does from source. Minified it would be 1 % smaller, and start no faster.
    minify: false,
    bytecode: true,
    // Bytecode would otherwise mean CommonJS, which has no top-level await.
    format: "esm",
    // The bundler would otherwise settle on "development", in which libraries tell clients about their insides.
    define: { "process.env.NODE_ENV": '"production"' },
    compile: {
      outfile,
      ...(target && { target }),
      // The folder it is started in belongs to somebody else's project, whose settings are not meant for larder.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  return (await stat(outfile)).size;
}

if (import.meta.main) {
  const outfile = join(root, process.platform === "win32" ? "dist/larder.exe" : "dist/larder");
  const sizeBytes = await buildBinary({ outfile });
  console.log(`${outfile} (${Math.round(sizeBytes / 1e6)} MB)`);
}
