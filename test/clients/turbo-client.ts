import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A real turbo to run. */
export interface TurboClient {
  version: string;
  /** The native program, so that neither node nor the launcher script stands between it and the test. */
  binary: string;
}

/** The turbo installed in `packageFolder` for this platform, or undefined if there is none. */
export function findTurbo(packageFolder: string): TurboClient | undefined {
  const manifestPath = join(packageFolder, "package.json");
  if (!existsSync(manifestPath)) return undefined;
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as Manifest;
  const machine = `${systems[process.platform]}-${process.arch === "x64" ? "64" : process.arch}`;
  const programPackage = Object.keys(manifest.optionalDependencies).find((name) => name.endsWith(machine));
  if (!programPackage) return undefined;
  try {
    const programManifest = createRequire(manifestPath).resolve(`${programPackage}/package.json`);
    const file = process.platform === "win32" ? "turbo.exe" : "turbo";
    return { version: manifest.version, binary: join(dirname(programManifest), "bin", file) };
  } catch {
    return undefined;
  }
}

/** The turbo that larder's own package.json names. */
export function currentTurbo(): TurboClient {
  const turbo = findTurbo(join(import.meta.dir, "../../node_modules/turbo"));
  if (!turbo) throw new Error("turbo is not installed. Run `bun install` and try again.");
  return turbo;
}

interface Manifest {
  version: string;
  /** The program of each platform, such as `@turbo/linux-64`, or `turbo-linux-64` before 2.9. */
  optionalDependencies: Record<string, string>;
}

const systems: Record<string, string> = { linux: "linux", darwin: "darwin", win32: "windows" };
