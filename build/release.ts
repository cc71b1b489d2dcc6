import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildBinary } from "./binary.ts";
import { withoutSignature } from "./darwin-signature.ts";

/*
 * Baseline means x64 processors from before 2013 too. Each target is named in full, so that a release is the same
 * whatever machine makes it; Bun gets the runtimes that it does not have from the package registry.
 */
const targets: Record<string, Bun.Build.CompileTarget> = {
  "larder-linux-x64": "bun-linux-x64-baseline",
  "larder-linux-x64-musl": "bun-linux-x64-baseline-musl",
  "larder-linux-arm64": "bun-linux-arm64",
  "larder-linux-arm64-musl": "bun-linux-arm64-musl",
  "larder-darwin-x64": "bun-darwin-x64-baseline",
  "larder-darwin-arm64": "bun-darwin-arm64",
  "larder-windows-x64.exe": "bun-windows-x64-baseline",
};

const folder = join(import.meta.dir, "../dist/release");
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

let sums = "";
for (const [name, target] of Object.entries(targets)) {
  const outfile = join(folder, name);
  const sizeBytes = await buildBinary({ outfile, target });
  if (target.startsWith("bun-darwin-x64")) {
    // Written in place, so that it stays executable.
    await writeFile(outfile, withoutSignature(await Bun.file(outfile).bytes()));
  }
  const sha256 = new Bun.CryptoHasher("sha256").update(await Bun.file(outfile).bytes()).digest("hex");
  sums += `${sha256}  ${name}\n`;
  console.log(`${name} (${Math.round(sizeBytes / 1e6)} MB)`);
}
// The format of `sha256sum -c`.
await Bun.write(join(folder, "SHA256SUMS"), sums);
