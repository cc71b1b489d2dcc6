import { expect, test } from "bun:test";
import { nearestName } from "../../src/config/nearest-name.ts";

const known = ["port", "host", "maxArtifactSize", "maxRequestsPerMinute"];

test.each([
  ["prot", "port"],
  ["PORT", "port"],
  ["hosts", "host"],
  ["max-artifact-size", "maxArtifactSize"],
  ["MAX_ARTEFACT_SIZE", "maxArtifactSize"],
  ["maxRequestPerMinute", "maxRequestsPerMinute"],
])("%s means %s", (written, meant) => {
  expect(nearestName(written, known)).toBe(meant);
});

test.each(["", "x", "colour", "somethingElseAltogether"])("%p is near to nothing", (written) => {
  expect(nearestName(written, known)).toBeUndefined();
});
