import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { currentTurbo } from "../clients/turbo-client.ts";
import { endWithUs, pinned } from "./processes.ts";
import type { ServerKind } from "./servers/server.ts";

const timeoutMs = 300_000;

/** A repository of packages that do not need each other, whose builds write 100 KiB of random bytes each. */
export class WideMonorepo {
  private constructor(
    private readonly root: string,
    readonly taskCount: number,
  ) {}

  /** @param root an empty folder. */
  static async create(root: string, taskCount: number): Promise<WideMonorepo> {
    const repo = new WideMonorepo(root, taskCount);
    await mkdir(join(root, "bin"), { recursive: true });
    await symlink(process.execPath, join(root, "bin", "bun"));
    await repo.write("turbo.json", { tasks: { build: { outputs: ["dist/**"] } } });
    await repo.write("package.json", {
      name: "wide",
      private: true,
      packageManager: `bun@${Bun.version}`,
      workspaces: ["packages/*"],
    });
    const build = "mkdir -p dist && head -c 102400 /dev/urandom > dist/out.bin";
    for (let index = 0; index < taskCount; index++) {
      await repo.write(`packages/p${index}/package.json`, { name: `p${index}`, scripts: { build } });
    }
    return repo;
  }

  /**
   * Builds everything with nothing but the server for a cache, as a fresh machine would.
   * @returns how long turbo ran in milliseconds, with its uploads, and how many tasks it did not have to run.
   */
  async build(kind: ServerKind, url: string): Promise<{ durationMs: number; cachedTasks: number }> {
    for (let index = 0; index < this.taskCount; index++) {
      const folder = join(this.root, "repo", "packages", `p${index}`);
      for (const made of ["dist", ".turbo"]) await rm(join(folder, made), { recursive: true, force: true });
    }
    const startedAt = performance.now();
    const child = Bun.spawn(
      pinned("load", [
        currentTurbo().binary,
        ...["run", "build", "--skip-infer", "--cache=remote:rw", "--output-logs=none"],
      ]),
      {
        cwd: join(this.root, "repo"),
        env: this.environment(kind, url),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: timeoutMs,
      },
    );
    endWithUs(child);
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const durationMs = performance.now() - startedAt;
    const cached = /Cached:\s+(\d+) cached/.exec(stdout)?.[1];
    if (exitCode !== 0 || cached === undefined) throw new Error(`turbo failed.\n${stdout}${stderr}`);
    return { durationMs, cachedTasks: Number(cached) };
  }

  private environment(kind: ServerKind, url: string): Record<string, string> {
    const home = join(this.root, "home");
    return {
      PATH: `${join(this.root, "bin")}:${process.env.PATH}`,
      HOME: home,
      XDG_CONFIG_HOME: home,
      TURBO_CONFIG_DIR_PATH: home,
      TURBO_API: url,
      TURBO_TOKEN: kind.headers.authorization?.replace("Bearer ", "") ?? "",
      TURBO_TEAM: kind.isLarder ? "default" : "t",
      TURBO_TELEMETRY_DISABLED: "1",
      DO_NOT_TRACK: "1",
      TURBO_NO_UPDATE_NOTIFIER: "1",
    };
  }

  private async write(path: string, content: object): Promise<void> {
    await Bun.write(join(this.root, "repo", path), JSON.stringify(content));
  }
}
