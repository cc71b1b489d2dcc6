import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { errorLines } from "../../server/log-lines.ts";
import { createTeam, TurboClient } from "./client.ts";

interface Stored {
  body: string;
  durationMs: number;
}

const teams = ["default", "web"] as const;
type Team = (typeof teams)[number];

let larder: RunningLarder;
const clients = new Map<Team, TurboClient>();

beforeAll(async () => {
  larder = await startLarder();
  clients.set("default", new TurboClient(larder.url, larder.firstToken));
  clients.set("web", new TurboClient(larder.url, (await createTeam(larder, "web")).token));
});
afterAll(() => larder[Symbol.asyncDispose]());

const hashes = ["a", "b", "c"];
const team = fc.constantFrom(...teams);
const hash = fc.constantFrom(...hashes);
const step = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    team,
    hash,
    // Few bodies, so that both teams often hold the same bytes.
    body: fc.constantFrom("", "x", "yy", "a longer one"),
    durationMs: fc.nat(),
    isChunked: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("get" as const, "head" as const), team, hash }),
  fc.record({ kind: fc.constant("query" as const), team }),
);

let round = 0;

test("each team finds what it stored last, and nothing of the other's, in whatever order things happen", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      // Every round starts with hashes that nobody has used.
      const named = (hash: string) => `r${round}-${hash}`;
      round++;
      const model = new Map<Team, Map<string, Stored>>(teams.map((team) => [team, new Map()]));

      for (const step of steps) {
        const client = clients.get(step.team) as TurboClient;
        const held = model.get(step.team) as Map<string, Stored>;
        if (step.kind === "put") {
          const body = step.isChunked ? new Blob([step.body]).stream() : step.body;
          const headers = { "x-artifact-duration": String(step.durationMs) };
          const response = await client.put(named(step.hash), body as BodyInit, headers);
          expect(response.status).toBe(202);
          await response.text();
          held.set(step.hash, { body: step.body, durationMs: step.durationMs });
        } else if (step.kind === "query") {
          const answer = await (await client.query(hashes.map(named))).json();
          expect(answer).toEqual(
            Object.fromEntries(
              hashes.map((hash) => {
                const stored = held.get(hash);
                const info = stored && { size: stored.body.length, taskDurationMs: stored.durationMs };
                return [named(hash), info ?? null];
              }),
            ),
          );
        } else {
          const response = await client[step.kind](named(step.hash));
          const stored = held.get(step.hash);
          expect(response.status).toBe(stored ? 200 : 404);
          const body = await response.text();
          if (!stored) continue;
          expect(body).toBe(step.kind === "get" ? stored.body : "");
          expect(response.headers.get("content-length")).toBe(String(stored.body.length));
          expect(response.headers.get("x-artifact-duration")).toBe(String(stored.durationMs));
        }
      }
    }),
    { numRuns: 25 },
  );
  await larder.stop();
  expect(errorLines(larder.stderr())).toEqual([]);
}, 120_000);
