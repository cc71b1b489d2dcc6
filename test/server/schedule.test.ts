import { expect, test } from "bun:test";
import { pino } from "pino";
import { Refusal } from "../../src/refusal.ts";
import { inTurn, schedule } from "../../src/server/schedule.ts";

function openLog() {
  const lines: { work: string; err: { message: string } }[] = [];
  return { lines, log: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }) };
}

const fails = async () => {
  throw new Error("no");
};

test("works take turns, and one that fails is logged by name and passes its turn on", async () => {
  const { lines, log } = openLog();
  const done: string[] = [];
  const works = inTurn(log, [
    ["a", fails],
    [
      "b",
      async () => {
        await new Promise((turn) => setImmediate(turn));
        done.push("b");
      },
    ],
    ["c", fails],
    ["d", async () => void done.push("d")],
  ]);
  await works(new AbortController().signal);
  expect(done).toEqual(["b", "d"]);
  expect(lines).toMatchObject([
    { work: "a", err: { message: "no" } },
    { work: "c", err: { message: "no" } },
  ]);
});

test("what an operator can mend is put off with a word, and is no fault", async () => {
  const { lines, log } = openLog();
  const held = async () => {
    throw new Refusal("unavailable", "Another process holds the database.");
  };
  await inTurn(log, [["a", held]])(new AbortController().signal);
  expect(lines).toMatchObject([{ level: 40, work: "a", reason: "Another process holds the database." }]);
});

test("whoever stops a schedule waits for the work under way, and what was to follow does not begin", async () => {
  const { lines, log } = openLog();
  const done: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const going = schedule(
    "round",
    1,
    log,
    inTurn(log, [
      [
        "first",
        async (signal) => {
          begin();
          await new Promise((ended) => signal.addEventListener("abort", ended));
          done.push("first");
        },
      ],
      ["second", async () => void done.push("second")],
    ]),
  );
  await begun;
  await going.stop();
  expect(done).toEqual(["first"]);
  expect(lines).toEqual([]);
});

test("a schedule goes on after a failure", async () => {
  const { lines, log } = openLog();
  const { promise: again, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const going = schedule("round", 1, log, async () => {
    if (++runs === 3) resolve();
    await fails();
  });
  await again;
  await going.stop();
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(lines[0]).toMatchObject({ work: "round" });
});
