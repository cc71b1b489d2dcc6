import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Actor, serverActor } from "../../src/audit/audit-log.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { startLarder } from "../larder.ts";
import { createTeam, TurboClient } from "../protocols/turbo/client.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/incidents.md")).text();
const root: Actor = { kind: "command", id: null, name: "root", address: null };

/** Each line of the page's blocks, and what stands in its text. */
const commands = [
  ...[...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) => (block as string).trim().split("\n")),
  ...[...page.matchAll(/`(larder [^`]+)`/g)].map(([, command]) => command as string),
];

test("every command of the page on leaked tokens runs, and the leaked token and all that it wrote is gone", async () => {
  await using larder = await startLarder({ args: ["--verify-rate", "none"] });
  const web = await createTeam(larder, "web");
  const client = new TurboClient(larder.url, web.token);
  for (const hash of ["4f1c2a9be07d3356", "other"]) expect((await client.put(hash, hash)).status).toBe(202);
  const database = openDataFolder(larder.dataFolder);
  const user = await new Users(database, root).create({ email: "ann@example.org" });
  const tokens = new Tokens(database, serverActor);
  await tokens.create({ userId: user.id, name: "laptop", permission: "write" });
  const exchange = { policyId: "pol_7Hn2QxVb81LmZcDe", claims: {} };
  await tokens.create({ teamId: web.teamId, name: "job", permission: "write", exchange });
  await database.close();

  expect(commands.length).toBeGreaterThan(15);
  const outputs: string[] = [];
  for (const command of commands) {
    const words = (command.replace("tok_4fQz7Lk2mXw9RtAb", web.id).match(/"[^"]*"|\S+/g) ?? []).map((word) =>
      word.replaceAll('"', ""),
    );
    expect(words[0]).toBe("larder");
    const { stdout, stderr, exitCode } = await larder.cli(...words.slice(1));
    expect({ command, stderr, exitCode }).toEqual({ command, stderr: expect.any(String), exitCode: 0 });
    outputs.push(stdout);
  }
  expect(outputs[0]).toContain("Purged 2 artifacts");
  expect(outputs[commands.findIndex((command) => command.includes("--target"))]).toContain(web.id);
  expect((await client.get("other")).status).toBe(401);
});
