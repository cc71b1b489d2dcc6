import { type Bench, compare, scratchFolder } from "../bench.ts";
import type { CaseResult } from "../results.ts";
import { WideMonorepo } from "../wide-monorepo.ts";

const taskCount = 200;

/** A real `turbo run`: everything built and uploaded, and everything downloaded. */
export async function turboRun(bench: Bench): Promise<CaseResult[]> {
  await using folder = await scratchFolder(bench);
  const repo = await WideMonorepo.create(folder.path, taskCount);
  const servers = bench.servers.filter((kind) => kind.servesTurbo);
  const build = async (kind: Parameters<typeof repo.build>[0], url: string, wantedCached: number) => {
    const { durationMs, cachedTasks } = await repo.build(kind, url);
    if (cachedTasks !== wantedCached) {
      throw new Error(`turbo took ${cachedTasks} tasks from the cache, not ${wantedCached}.`);
    }
    return { value: durationMs / 1000 };
  };
  return [
    await compare(bench, {
      scenario: "turbo",
      name: `turbo run of ${taskCount} tasks, cold`,
      unit: "s",
      servers,
      measure: (kind, server) => build(kind, server.url, 0),
    }),
    await compare(bench, {
      scenario: "turbo",
      name: `turbo run of ${taskCount} tasks, warm`,
      unit: "s",
      servers,
      prepare: async (kind, server) => void (await build(kind, server.url, 0)),
      measure: (kind, server) => build(kind, server.url, taskCount),
    }),
  ];
}
