import { expect, test } from "bun:test";
import { PerTurn } from "../../src/database/per-turn.ts";

function counted() {
  const events: string[] = [];
  let count = 0;
  const perTurn = new PerTurn(
    () => {
      events.push(`take ${++count}`);
      return count;
    },
    (value) => events.push(`give back ${value}`),
  );
  return { events, perTurn };
}

const nextTurn = () => new Promise<void>((begins) => setImmediate(begins));

test("what is wanted several times in a turn is taken once, and given back when the turn ends", async () => {
  const { events, perTurn } = counted();
  expect([perTurn.get(), await Promise.resolve().then(() => perTurn.get())]).toEqual([1, 1]);
  await nextTurn();
  expect(events).toEqual(["take 1", "give back 1"]);
  expect(perTurn.get()).toBe(2);
  await nextTurn();
  expect(events).toEqual(["take 1", "give back 1", "take 2", "give back 2"]);
});

test("what is ended within the turn is taken anew, and given back once", async () => {
  const { events, perTurn } = counted();
  perTurn.get();
  perTurn.end();
  perTurn.end();
  expect(perTurn.get()).toBe(2);
  await nextTurn();
  expect(events).toEqual(["take 1", "give back 1", "take 2", "give back 2"]);
});

test("what cannot be taken is tried again", () => {
  let fails = true;
  const perTurn = new PerTurn(() => {
    if (fails) throw new Error("not now");
    return "taken";
  });
  expect(() => perTurn.get()).toThrow("not now");
  fails = false;
  expect(perTurn.get()).toBe("taken");
});

test("requests that arrive in different turns never share", async () => {
  const { perTurn } = counted();
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(String(perTurn.get())),
  });
  const ask = async () => Number(await (await fetch(server.url)).text());
  const asked = [];
  for (let times = 0; times < 50; times++) asked.push(await ask());
  expect(asked).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
});
