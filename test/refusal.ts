import { expect } from "bun:test";
import { Refusal } from "../src/refusal.ts";

/** The refusal with which something ends. */
export async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
}
