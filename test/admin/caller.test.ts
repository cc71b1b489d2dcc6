import { expect, test } from "bun:test";
import { Caller, type CallerFacts } from "../../src/admin/caller.ts";

function callerWith(facts: Partial<CallerFacts>): Caller {
  return new Caller({
    kind: "token",
    token: null,
    user: null,
    isServerAdmin: false,
    ...facts,
  } as CallerFacts);
}

test("a team's tokens wait for each other, and nobody else for them", () => {
  const ofTeam = callerWith({ token: { id: "tok_1", name: "ci" } });
  const another = callerWith({ token: { id: "tok_2", name: "ci" } });
  expect(ofTeam.turnOf(["team_1"])).toBe("team_1");
  expect(another.turnOf(["team_1"])).toBe("team_1");
  expect(another.turnOf(["team_2"])).toBe("team_2");

  const inTwoTeams = callerWith({
    kind: "user",
    user: { id: "usr_1", email: "ann@example.org", name: "Ann" },
  });
  expect(inTwoTeams.turnOf(["team_1", "team_2"])).toBe("usr_1");
  expect(inTwoTeams.turnOf([])).toBe("usr_1");
  const administrator = callerWith({ isServerAdmin: true });
  expect(administrator.turnOf(["team_1"])).toBe("environment");
  expect(administrator.turnOf(undefined)).toBe("environment");
});
