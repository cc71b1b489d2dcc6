import { expect, test } from "bun:test";
import { RequestCounter } from "../../src/metrics/request-counter.ts";

const get = { method: "GET", path: "/v8/artifacts/abc", status: 200, durationMs: 1 };
const put = { ...get, method: "PUT" };
const noHeaders = new Headers();

test("requests count once, by route and status", () => {
  const counter = new RequestCounter("");
  for (const status of [200, 404, 404, 500]) counter.count({ ...get, status }, undefined, noHeaders);
  counter.count({ ...get, path: "/sign-in", status: 303 }, undefined, noHeaders);
  const counted = counter.requests().filter(({ total }) => total > 0);
  expect(counted).toEqual([
    { route: "artifact_get", tool: "turbo", status: "2xx", total: 1 },
    { route: "artifact_get", tool: "turbo", status: "4xx", total: 2 },
    { route: "artifact_get", tool: "turbo", status: "5xx", total: 1 },
    { route: "sign_in", tool: "", status: "3xx", total: 1 },
  ]);
  expect(counter.reads()).toEqual([{ tool: "turbo", hits: 1, misses: 2 }]);
});

test("only what was answered with an artifact or with none is a hit or a miss", () => {
  const counter = new RequestCounter("");
  for (const status of [200, 206, 304, 401, 403, 416, 500])
    counter.count({ ...get, status }, undefined, noHeaders);
  counter.count({ ...get, method: "HEAD" }, undefined, noHeaders);
  counter.count({ ...get, method: "HEAD", status: 404 }, undefined, noHeaders);
  counter.count({ ...get, path: "/v8/artifacts/a/b", status: 404 }, undefined, noHeaders);
  expect(counter.reads()).toEqual([{ tool: "turbo", hits: 3, misses: 0 }]);
});

test("of a download in parts the first part is a hit, or the first look in vain a miss", () => {
  const counter = new RequestCounter("");
  const count = (status: number, range: string) =>
    counter.count({ ...get, status }, undefined, new Headers({ range }));
  for (const range of ["bytes=0-9", "bytes=10-19", "bytes=20-"]) count(206, range);
  expect(counter.reads()).toEqual([{ tool: "turbo", hits: 1, misses: 0 }]);
  for (const range of ["bytes=0-", "bytes=-5", "bytes=5-"]) count(404, range);
  expect(counter.reads()).toEqual([{ tool: "turbo", hits: 1, misses: 1 }]);
});

test("a duration counts within its bound, and beyond all of them", () => {
  const counter = new RequestCounter("");
  for (const durationMs of [0, 1, 1.1, 60_000]) counter.count({ ...get, durationMs }, undefined, noHeaders);
  const ofGet = counter.durations().find(({ route }) => route === "artifact_get");
  expect(ofGet?.counts).toEqual([2, 1, ...Array(12).fill(0), 1]);
  expect(ofGet?.sumMs).toBeCloseTo(60_002.1);
});

test("refused uploads count by reason and team, and what is refused otherwise does not", () => {
  const counter = new RequestCounter("");
  counter.count({ ...put, status: 507 }, { refused: "no_space", teamId: "team_web" }, noHeaders);
  counter.count({ ...put, status: 507 }, { refused: "no_space", teamId: "team_web" }, noHeaders);
  counter.count({ ...put, status: 413 }, { refused: "too_large" }, noHeaders);
  counter.count(put, { teamId: "team_web" }, noHeaders);
  counter.count({ ...get, status: 403 }, { refused: "wrong_team", teamId: "team_web" }, noHeaders);
  expect(counter.refusedUploads()).toEqual([
    { teamId: "team_web", code: "no_space", total: 2, lastDay: 2 },
    { teamId: undefined, code: "too_large", total: 1, lastDay: 1 },
  ]);
  expect(counter.refusedUploads(Date.now() + 25 * 3_600_000)).toMatchObject([
    { total: 2, lastDay: 0 },
    { total: 1, lastDay: 0 },
  ]);
});

test("the teams whose refused uploads are kept apart are bounded, and no upload goes uncounted", () => {
  const counter = new RequestCounter("");
  for (let team = 0; team < 5_000; team++) {
    counter.count({ ...put, status: 507 }, { refused: "no_space", teamId: `team_${team}` }, noHeaders);
  }
  const refused = counter.refusedUploads();
  expect(refused.length).toBeLessThanOrEqual(1_001);
  expect(refused.reduce((sum, { total }) => sum + total, 0)).toBe(5_000);
  expect(refused.at(-1)).toMatchObject({ teamId: undefined, total: 4_000 });
});
