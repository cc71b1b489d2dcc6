import { expect, test } from "bun:test";
import { focusManager, InfiniteQueryObserver, QueryClient, QueryObserver } from "@tanstack/react-query";
import { Remembered } from "../../src/remembered.ts";
import { askAnew, Refresher } from "../../src/web/api/refresher.ts";

/** Shows something of the API, which answers when it is told to. */
function show(client: QueryClient, path: string) {
  const waiting: (() => void)[] = [];
  const wanted: (() => void)[] = [];
  let asked = 0;
  const observer = new QueryObserver(client, {
    queryKey: [path, {}],
    queryFn: async () => {
      const figure = ++asked;
      wanted.shift()?.();
      await new Promise<void>((resolve) => waiting.push(resolve));
      return figure;
    },
  });
  const end = observer.subscribe(() => {});
  return {
    end,
    answer: () => waiting.shift()?.(),
    /** Until it is asked for once more. */
    isAsked: () => new Promise<void>((resolve) => wanted.push(resolve)),
    asked: () => asked,
    figure: () => observer.getCurrentResult().data,
  };
}

const afterMs = 5;
/** Timers of one length end in the order in which they began, so what was asked for until now has come to its end before. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, afterMs));
}

test("many changes within a while are one question and a last one, and none is for what nobody looks at", async () => {
  const client = new QueryClient();
  const refresher = new Refresher(client, afterMs);
  const overview = show(client, "/overview");
  overview.answer();
  const left = show(client, "/runs");
  left.answer();
  left.end();
  let again = overview.isAsked();
  for (let count = 0; count < 100; count++) {
    refresher.refresh("/overview");
    refresher.refresh("/runs");
  }
  await again;
  again = overview.isAsked();
  overview.answer();
  await again;
  overview.answer();
  await settled();
  expect([overview.asked(), left.asked()]).toEqual([3, 1]);
  refresher.stop();
});

test("what changes after somebody else has asked is shown, although the server remembers the answer from before", async () => {
  const at = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let changes = 0;
  const server = new Remembered(async () => changes, 20);
  const client = new QueryClient();
  const refresher = new Refresher(client, 30);
  const observer = new QueryObserver(client, { queryKey: ["/overview", {}], queryFn: () => server.get() });
  const allShown = Promise.withResolvers<void>();
  const end = observer.subscribe(({ data }) => data === 2 && allShown.resolve());
  const change = () => {
    changes++;
    refresher.refresh("/overview");
  };
  change();
  // What the page itself has asked for first is too old by now.
  await at(25);
  await server.get();
  change();
  await allShown.promise;
  end();
});

test("an answer that takes long is waited for, and what changed meanwhile is asked for afterwards", async () => {
  const client = new QueryClient();
  const refresher = new Refresher(client, afterMs);
  const overview = show(client, "/overview");
  overview.answer();
  let again = overview.isAsked();
  refresher.refresh("/overview");
  await again;
  // The second answer is on its way.
  again = overview.isAsked();
  refresher.refresh("/overview");
  await settled();
  expect(overview.asked()).toBe(2);
  overview.answer();
  await again;
  overview.answer();
  await settled();
  expect([overview.asked(), overview.figure()]).toEqual([3, 3]);
  refresher.stop();
});

test("a page that is not looked at asks for nothing", async () => {
  const client = new QueryClient();
  const refresher = new Refresher(client, afterMs);
  const overview = show(client, "/overview");
  overview.answer();
  await settled();
  focusManager.setFocused(false);
  try {
    refresher.refresh("/overview");
    await settled();
    expect(overview.asked()).toBe(1);
    // It is asked for when it is looked at again.
    expect(client.getQueryState(["/overview", {}])?.isInvalidated).toBe(true);
  } finally {
    focusManager.setFocused(undefined);
    refresher.stop();
  }
});

test("a list of which more than its first page is shown stays as it is", async () => {
  const client = new QueryClient();
  let asked = 0;
  const observer = new InfiniteQueryObserver(client, {
    queryKey: ["/artifacts", {}],
    queryFn: async () => ++asked,
    initialPageParam: 0,
    getNextPageParam: () => asked,
  });
  const end = observer.subscribe(() => {});
  await observer.refetch({ cancelRefetch: false });
  await askAnew(client, "/artifacts");
  expect(asked).toBe(2);
  await observer.fetchNextPage();
  await askAnew(client, "/artifacts");
  expect(asked).toBe(3);
  end();
});

test("of runs that have changed those are asked for that a page shows", () => {
  const client = new QueryClient();
  const refresher = new Refresher(client, afterMs);
  const shown = ["/runs", "/runs/7", "/runs/7/events", "/runs/8", "/artifacts/9"].map((path) =>
    show(client, path),
  );
  expect(refresher.shownRuns([7, 9, 70])).toEqual(["/runs/7", "/runs/7/events"]);
  expect(refresher.shownRuns(null)).toEqual(["/runs/7", "/runs/7/events", "/runs/8"]);
  for (const { end } of shown) end();
});
