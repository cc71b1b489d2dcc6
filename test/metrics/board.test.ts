import { expect, test } from "bun:test";
import { Board } from "../../src/metrics/board.ts";
import { findSample, parseExposition, sampleOf } from "./exposition.ts";

interface Numbers {
  count: number;
  size: number | undefined;
  byTeam: Record<string, number | undefined>;
}

const board = new Board<Numbers>()
  .counter("x_total", "How often.", [], ({ count }) => count)
  .gauge("x_bytes", "How much.", [], ({ size }) => size)
  .gauge("x_team_bytes", "Whose.", ["team"], ({ byTeam }) =>
    Object.entries(byTeam).map(([team, value]) => [{ team }, value]),
  )
  .histogram("x_seconds", "How long.", [0.1, 1], ["route"], ({ count }) => [
    { labels: { route: "a" }, counts: [count, 0, 1], sum: 5 },
  ]);

async function show(numbers: Numbers) {
  return parseExposition(await board.text(numbers));
}

test("shows what it is given at that time, and nothing that is gone", async () => {
  const first = await show({ count: 3, size: 10, byTeam: { web: 1, app: 2 } });
  expect(sampleOf(first, "x_total")).toBe(3);
  expect(sampleOf(first, "x_bytes")).toBe(10);
  expect(sampleOf(first, "x_team_bytes", { team: "web" })).toBe(1);
  const second = await show({ count: 4, size: undefined, byTeam: { app: 0, ops: undefined } });
  expect(sampleOf(second, "x_total")).toBe(4);
  expect(second.get("x_bytes")?.samples).toEqual([]);
  expect(second.get("x_team_bytes")?.samples).toEqual([
    { name: "x_team_bytes", labels: { team: "app" }, value: 0 },
  ]);
});

test("buckets add up, and what lies beyond all bounds is in the last", async () => {
  const shown = await show({ count: 2, size: 0, byTeam: {} });
  const buckets = ["0.1", "1", "+Inf"].map((le) => sampleOf(shown, "x_seconds_bucket", { route: "a", le }));
  expect(buckets).toEqual([2, 2, 3]);
  expect(sampleOf(shown, "x_seconds_sum", { route: "a" })).toBe(5);
});

test("a label may be any text", async () => {
  const odd = 'a "b" \\ \n {c="d"}';
  expect(
    findSample(await show({ count: 0, size: 0, byTeam: { [odd]: 7 } }), "x_team_bytes", { team: odd }),
  ).toBe(7);
});
