import { afterEach, expect, setSystemTime, test } from "bun:test";
import { pino } from "pino";
import type { Database } from "../../src/database/database.ts";
import type { Principal } from "../../src/identity/principal.ts";
import { RefusedWrites } from "../../src/identity/refused-writes.ts";
import { Refusal } from "../../src/refusal.ts";
import { openTestAudit } from "../audit/test-audit.ts";

const noon = new Date("2026-11-20T12:00:00Z").getTime();
afterEach(() => void setSystemTime());

const asker = (tokenId: string, teamId = "team_1", userId: string | null = null) =>
  ({ name: "ci", tokenId, userId, scope: "", team: { id: teamId } }) as unknown as Principal;
const denied = new Refusal("forbidden", "This token may read, and this needs write.");
const wish = { owner: "tok_1", hash: "a", address: null };
const wishOf = (owner: string) => ({ ...wish, owner });

test("a flood of refused writes leaves ten rows a minute, and of one token and reason a single one", async () => {
  await using t = openTestAudit();
  const refused = new RefusedWrites(t.database, pino({ level: "silent" }));
  setSystemTime(noon);
  for (let times = 0; times < 100; times++) await refused.record(asker("tok_1"), denied, wish);
  expect(await t.rows()).toHaveLength(1);
  await refused.record(asker("tok_1"), new Refusal("conflict", "There already."), wish);
  expect(await t.rows()).toHaveLength(2);
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      refused.record(asker(`tok_${index}`), denied, wishOf(`tok_${index}`)),
    ),
  );
  expect(await t.rows()).toHaveLength(10);
  setSystemTime(noon + 60_000);
  await refused.record(asker("tok_1"), denied, wish);
  expect(await t.rows()).toHaveLength(11);
});

test("who floods the log mutes his own team, or with tokens of his own himself, and nobody else", async () => {
  await using t = openTestAudit();
  const refused = new RefusedWrites(t.database, pino({ level: "silent" }));
  setSystemTime(noon);
  const teamsOf = async () => (await t.rows()).map(({ actorId, teamId }) => `${teamId} ${actorId}`);
  for (let index = 0; index < 12; index++)
    await refused.record(asker(`tok_${index}`), denied, wishOf(`tok_${index}`));
  for (let index = 0; index < 12; index++)
    await refused.record(asker(`tok_ann${index}`, "team_2", "usr_ann"), denied, wishOf(`tok_ann${index}`));
  expect(await teamsOf()).toEqual([
    ...Array.from({ length: 10 }, (_, index) => `team_1 tok_${index}`),
    ...Array.from({ length: 10 }, (_, index) => `team_2 tok_ann${index}`),
  ]);
  await refused.record(asker("tok_web", "team_2"), denied, wishOf("tok_web"));
  await refused.record(asker("tok_bea", "team_1", "usr_bea"), denied, wishOf("tok_bea"));
  expect((await teamsOf()).slice(20)).toEqual(["team_2 tok_web", "team_1 tok_bea"]);
  setSystemTime(noon + 60_000);
  await refused.record(asker("tok_12"), denied, wishOf("tok_12"));
  expect((await t.rows()).at(-1)?.details).toMatchObject({ code: "forbidden", leftOut: 2 });
});

test("a CI job that gets one token after another stays one asker", async () => {
  await using t = openTestAudit();
  const refused = new RefusedWrites(t.database, pino({ level: "silent" }));
  setSystemTime(noon);
  for (const id of ["tok_a", "tok_b", "tok_c"])
    await refused.record(asker(id), denied, wishOf("pol_1 repo:x"));
  await refused.record(asker("tok_d"), denied, wishOf("pol_1 repo:y"));
  expect((await t.rows()).map(({ actorId }) => actorId)).toEqual(["tok_a", "tok_d"]);
});

test("what was wrong with the request, or wanting in the server, is no refused write", async () => {
  await using t = openTestAudit();
  const refused = new RefusedWrites(t.database, pino({ level: "silent" }));
  for (const code of [
    "bad_request",
    "too_large",
    "no_space",
    "aborted",
    "team_paused",
    "too_many_requests",
  ] as const)
    await refused.record(asker("tok_1"), new Refusal(code, "x"), wish);
  await refused.record(asker("tok_1"), new Error("x"), wish);
  expect(await t.rows()).toEqual([]);
});

test("a row that cannot be written is logged, and the answer stays what it is", async () => {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const broken = { write: () => Promise.reject(new Error("no disk")) } as unknown as Database;
  await new RefusedWrites(broken, log).record(asker("tok_1"), denied, wish);
  expect(lines.join("")).toContain("refused write not written down");
});
