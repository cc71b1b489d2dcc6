/*
 * Runs before every script of package.json, on a clone where nothing is installed yet, so it imports no package.
 * Does nothing when node_modules holds what bun.lock says, which keeps the second start quick.
 */
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const stamp = Bun.file(join(root, "node_modules/.installed"));

const wanted = new Bun.CryptoHasher("sha256")
  .update(await Bun.file(join(root, "bun.lock")).bytes())
  .update(await Bun.file(join(root, "package.json")).bytes())
  // Another platform needs other native packages.
  .update(`${process.platform} ${process.arch}`)
  .digest("hex");

if (!(await stamp.exists()) || (await stamp.text()) !== wanted) {
  console.error("Installing the dependencies (only when they have changed) ...");
  const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = (
    await Promise.all([new Response(install.stdout).text(), new Response(install.stderr).text()])
  ).join("");
  if ((await install.exited) !== 0) {
    // Addresses stay out of logs: a private registry's may hold a credential.
    console.error(output.replaceAll(/\bhttps?:\/\/\S+/g, "<address>").trim());
    console.error(
      "The dependencies could not be installed. Check the network connection, then run this again.",
    );
    process.exit(1);
  }
  await stamp.write(wanted);
}
