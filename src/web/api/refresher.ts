import { focusManager, type Query, type QueryClient } from "@tanstack/react-query";

/** No less than what the server remembers an overview for, or else the answer could be of before the change. */
const defaultAfterMs = 2_000;

/**
 * Asks anew for what is shown and has changed: at most once in a while, for one thing once at a time, and never for the last time
 * less than that while after its last change.
 */
export class Refresher {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** What has changed since its timer began. */
  private readonly changed = new Set<string>();
  private readonly asked = new Map<string, Promise<void>>();

  constructor(
    private readonly client: QueryClient,
    private readonly afterMs = defaultAfterMs,
  ) {}

  /** Something at that path of the API has changed. */
  refresh(path: string): void {
    if (this.timers.has(path)) {
      this.changed.add(path);
      return;
    }
    this.timers.set(
      path,
      setTimeout(() => void this.ask(path), this.afterMs),
    );
  }

  /** The paths of those of the runs that a page shows now, and of their events. @param ids null for any. */
  shownRuns(ids: readonly number[] | null): string[] {
    const changed = ids && new Set(ids);
    const shown = this.client.getQueryCache().findAll({ type: "active" });
    return shown
      .map(({ queryKey: [path] }) => path as string)
      .filter((path) => {
        const [, id] = /^\/runs\/(\d+)(?:\/|$)/.exec(path) ?? [];
        return id !== undefined && (changed?.has(Number(id)) ?? true);
      });
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.changed.clear();
  }

  private async ask(path: string): Promise<void> {
    // An answer that takes long is not given up for the next one: where much happens there would be none.
    await this.asked.get(path);
    // What changes from now on may not be in the answer.
    this.timers.delete(path);
    this.asked.set(path, askAnew(this.client, path));
    // Nor what changed lately, where the server has remembered one for somebody else.
    if (this.changed.delete(path)) this.refresh(path);
  }
}

/** Where the page is not looked at, it is enough to do so when it is again. */
export async function askAnew(client: QueryClient, path: string): Promise<void> {
  await client.invalidateQueries({
    queryKey: [path],
    predicate: isShort,
    refetchType: focusManager.isFocused() ? "active" : "none",
  });
}

/** Whoever reads far down in a list keeps it as it is: all of it would have to be asked for again. */
function isShort({ state }: Query): boolean {
  const { pages = [] } = (state.data ?? {}) as { pages?: unknown[] };
  return pages.length <= 1;
}
