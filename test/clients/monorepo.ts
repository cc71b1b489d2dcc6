import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../larder.ts";
import type { TurboClient } from "./turbo-client.ts";

/** `app` needs `ui` and `core`, `ui` needs `core`, and `docs` stands alone. */
const dependencies = { core: [], ui: ["core"], app: ["core", "ui"], docs: [] } as const;

export type PackageName = keyof typeof dependencies;
export const packageNames = Object.keys(dependencies) as PackageName[];

/** What a user sets to connect a repository to larder. */
export interface Connection {
  url: string;
  token: string;
  /** Slug, sent as `TURBO_TEAM`. */
  team?: string;
  /** Id, sent as `TURBO_TEAMID`. */
  teamId?: string;
}

export interface MonorepoOptions {
  /** What stands under `remoteCache` in turbo.json. */
  remoteCache?: Record<string, unknown>;
  /** Shell lines to run before a package's usual build. */
  before?: Partial<Record<PackageName, string>>;
}

export interface RunOptions {
  args?: string[];
  env?: Record<string, string>;
}

export interface Run {
  exitCode: number;
  stdout: string;
  /** Standard output, then standard error. */
  output: string;
  /** Lines of the output with this text in them. */
  linesWith(text: string): string[];
}

/** One task of `turbo run build --dry=json`. */
export interface PlannedTask {
  package: PackageName;
  hash: string;
  cache: {
    local: boolean;
    remote: boolean;
    status: "HIT" | "MISS";
    source?: "LOCAL" | "REMOTE";
    /** In milliseconds. */
    timeSaved: number;
    sha?: string;
  };
}

/**
 * A generated, committed repository of four packages that builds without a network and without installing anything.
 * Every build writes bytes that no second build would, so equal outputs mean that they came from a cache.
 */
export class Monorepo implements AsyncDisposable {
  readonly folder: string;

  private constructor(
    private readonly root: string,
    readonly turbo: TurboClient,
  ) {
    this.folder = join(root, "repo");
  }

  static async create(turbo: TurboClient, options: MonorepoOptions = {}): Promise<Monorepo> {
    const repo = new Monorepo(await mkdtemp(join(tmpdir(), "larder-monorepo-")), turbo);
    await repo.linkBun();
    await repo.writeFiles(options);
    await repo.commit();
    return repo;
  }

  /** The same commit on another machine. */
  async clone(): Promise<Monorepo> {
    const clone = new Monorepo(await mkdtemp(join(tmpdir(), "larder-monorepo-")), this.turbo);
    await clone.linkBun();
    await this.git("clone", "--quiet", this.folder, clone.folder);
    return clone;
  }

  /** Builds all packages, with this repository's token and team in the environment as CI would have them. */
  async build(connection: Connection, { args = [], env = {} }: RunOptions = {}): Promise<Run> {
    // Until 2.9 a daemon would outlive the test.
    const noDaemon = Bun.semver.order(this.turbo.version, "2.9.0") < 0 ? ["--no-daemon"] : [];
    const { stdout, stderr, exitCode } = await run(
      [this.turbo.binary, "run", "build", "--skip-infer", ...noDaemon, ...args],
      { cwd: this.folder, env: { ...this.environment(), ...connectionEnvironment(connection), ...env } },
    );
    const output = stdout + stderr;
    return {
      exitCode,
      stdout,
      output,
      linesWith: (text) => output.split("\n").filter((line) => line.includes(text)),
    };
  }

  /** What turbo says it would take from which cache, in the order of `packageNames`. */
  async plan(connection: Connection, options: RunOptions = {}): Promise<PlannedTask[]> {
    const run = await this.build(connection, { ...options, args: ["--dry=json", ...(options.args ?? [])] });
    if (run.exitCode !== 0) throw new Error(`The dry run failed.\n${run.output}`);
    const { tasks } = JSON.parse(run.stdout) as { tasks: PlannedTask[] };
    return packageNames.map((name) => tasks.find((task) => task.package === name) as PlannedTask);
  }

  /** SHA-256 of every file that the builds have left, by path. */
  async outputs(): Promise<Record<string, string>> {
    const outputs: Record<string, string> = {};
    for await (const path of new Bun.Glob("packages/*/dist/**").scan({ cwd: this.folder, dot: true })) {
      const hasher = new Bun.CryptoHasher("sha256");
      for await (const chunk of Bun.file(join(this.folder, path)).stream()) hasher.update(chunk);
      outputs[path] = hasher.digest("hex");
    }
    return outputs;
  }

  /** As on a machine that has just cloned the repository. */
  async forget(): Promise<void> {
    await this.git("clean", "--quiet", "-d", "--force", "-x");
  }

  async headCommit(): Promise<string> {
    return (await this.git("rev-parse", "HEAD")).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  /** turbo starts the package manager by its name, and this Bun may be called something else or not be on PATH. */
  private async linkBun(): Promise<void> {
    await mkdir(join(this.root, "bin"));
    await symlink(process.execPath, join(this.root, "bin", "bun"));
  }

  private async writeFiles({ remoteCache, before = {} }: MonorepoOptions): Promise<void> {
    const tasks = { build: { dependsOn: ["^build"], outputs: ["dist/**"] } };
    const key = this.turbo.version.startsWith("1.") ? "pipeline" : "tasks";
    await this.write("turbo.json", { [key]: tasks, ...(remoteCache && { remoteCache }) });
    await this.write("package.json", {
      name: "monorepo",
      private: true,
      packageManager: `bun@${Bun.version}`,
      workspaces: ["packages/*"],
    });
    await this.write("bun.lock", lockfile());
    await Bun.write(join(this.folder, ".gitignore"), "node_modules\n.turbo\ndist\n");
    for (const name of packageNames) {
      const folder = join("packages", name);
      await this.write(join(folder, "package.json"), manifest(name, before[name]));
      await Bun.write(
        join(this.folder, folder, "source.bin"),
        crypto.getRandomValues(new Uint8Array(10_000)),
      );
    }
  }

  private async write(path: string, content: object): Promise<void> {
    await Bun.write(join(this.folder, path), JSON.stringify(content, null, 2));
  }

  private async commit(): Promise<void> {
    await this.git("init", "--quiet", "--initial-branch=main");
    await this.git("add", "--all");
    const author = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
    await this.git(...author, "commit", "--quiet", "--message=Start");
  }

  private async git(...args: string[]): Promise<string> {
    const git = await run(["git", ...args], { cwd: this.folder, env: this.environment() });
    if (git.exitCode !== 0) throw new Error(`git ${args.join(" ")} failed.\n${git.stderr}`);
    return git.stdout;
  }

  /** Nothing of the machine's own configuration or CI gets in. */
  environment(): Record<string, string> {
    return {
      PATH: `${join(this.root, "bin")}:${process.env.PATH}`,
      HOME: join(this.root, "home"),
      XDG_CONFIG_HOME: join(this.root, "home", ".config"),
      TURBO_CONFIG_DIR_PATH: join(this.root, "home", ".config"),
      GIT_CONFIG_NOSYSTEM: "1",
      TURBO_TELEMETRY_DISABLED: "1",
      DO_NOT_TRACK: "1",
      TURBO_NO_UPDATE_NOTIFIER: "1",
      // On a busy machine it would take a server that is slow for one that is not there.
      TURBO_REMOTE_CACHE_TIMEOUT: "120",
      TURBO_REMOTE_CACHE_UPLOAD_TIMEOUT: "120",
    };
  }
}

function connectionEnvironment({ url, token, team, teamId }: Connection): Record<string, string> {
  return {
    TURBO_API: url,
    TURBO_TOKEN: token,
    ...(team !== undefined && { TURBO_TEAM: team }),
    ...(teamId !== undefined && { TURBO_TEAMID: teamId }),
  };
}

function manifest(name: PackageName, before: string | undefined): object {
  const build = [
    "mkdir -p dist/deep",
    "cp source.bin dist/deep/copy.bin",
    "head -c 20000 /dev/urandom > dist/once.bin",
    ": > dist/.empty",
    `echo built ${name}`,
  ];
  return {
    name,
    version: "1.0.0",
    scripts: { build: [...(before ? [before] : []), ...build].join(" && ") },
    dependencies: Object.fromEntries(dependencies[name].map((other) => [other, "workspace:*"])),
  };
}

/** What `bun install` would have written. Without it turbo warns. */
function lockfile(): object {
  const workspaces = packageNames.map((name) => {
    const { scripts: _, ...workspace } = manifest(name, undefined) as { scripts: unknown };
    return [`packages/${name}`, workspace];
  });
  return {
    lockfileVersion: 1,
    workspaces: { "": { name: "monorepo" }, ...Object.fromEntries(workspaces) },
    packages: Object.fromEntries(packageNames.map((name) => [name, [`${name}@workspace:packages/${name}`]])),
  };
}
