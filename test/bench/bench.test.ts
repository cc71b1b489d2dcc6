import { describe, expect, test } from "bun:test";
import { parseReport } from "./load/wrk.ts";
import { loadLimitLines } from "./load-limit-lines.ts";
import { parseOptions } from "./options.ts";
import { type CaseResult, medianOf, timesBetter } from "./results.ts";
import { replaceResults } from "./results-page.ts";
import { formatTable, formatVerdict } from "./table.ts";
import { verdictsOf } from "./targets.ts";

describe("medians", () => {
  test("are taken of each figure alone, over the rounds that have it", () => {
    expect(medianOf([{ value: 3, p99Ms: 9 }, { value: 1 }, { value: 2, p99Ms: 5 }])).toEqual({
      value: 2,
      p99Ms: 7,
    });
  });

  test("of no rounds are missing", () => {
    expect(medianOf([])).toBeUndefined();
  });
});

describe("times better", () => {
  test("is more requests in a second", () => {
    expect(timesBetter("requests/s", 300, 100)).toBe(3);
  });

  test("is fewer seconds", () => {
    expect(timesBetter("s", 2, 6)).toBe(3);
  });
});

describe("targets", () => {
  test("count against the peer that they name", () => {
    const one = caseOf("PUT 100 KiB at 16", { larder: 95, "turborepo-remote-cache": 100, nginx: 1000 });
    expect(verdictsFor(one, "larder")).toEqual([{ target: "≥ 0.9× turborepo-remote-cache", passed: true }]);
  });

  test("ask more of the larder that does not sync", () => {
    const one = caseOf("PUT 100 KiB at 16", { "larder fast": 149, "turborepo-remote-cache": 100 });
    expect(verdictsFor(one, "larder fast")).toEqual([
      { target: "≥ 1.5× turborepo-remote-cache", passed: false },
    ]);
  });

  test("of durations are met by shorter ones", () => {
    const one = caseOf("PUT 1 GiB, alone", { larder: 2, "turborepo-remote-cache": 6, nginx: 1.9 }, "s");
    expect(verdictsFor(one, "larder")).toEqual([
      { target: "≥ 3× turborepo-remote-cache", passed: true },
      { target: "≥ 1× nginx", passed: false },
    ]);
  });

  test("on memory hold in every case", () => {
    const one = caseOf("query of 100 at 16", { larder: 1 });
    Object.assign(one.servers[0] ?? {}, { peakMemoryBytes: 150 * 1024 * 1024 });
    expect(verdictsFor(one, "larder")).toEqual([{ target: "peak < 150 MiB", passed: false }]);
  });

  test("that were not met are told again under the table, and those that nobody can judge", () => {
    const disturbed = caseOf("GET 404 at 16", { larder: 900, "turborepo-remote-cache": 100 });
    Object.assign(disturbed.servers[1]?.median ?? {}, { othersShare: 0.3 });
    const results = [
      caseOf("GET 404 at 16", { larder: 200, "turborepo-remote-cache": 100 }),
      disturbed,
      caseOf("GET 100 KiB at 1", { larder: 200, "turborepo-remote-cache": 10 }),
    ];
    expect(formatVerdict(results)).toBe(
      [
        "1 of 4 targets met.",
        "",
        "Not met:",
        "",
        "- GET 404 at 16: larder ≥ 3× turborepo-remote-cache",
        "",
        "Not judged, since the peer was not measured or other work disturbed one of them:",
        "",
        "- GET 404 at 16: larder ≥ 3× turborepo-remote-cache",
        "- GET 100 KiB at 1: larder ≥ 0.5× nginx",
      ].join("\n"),
    );
  });
});

describe("the table", () => {
  const one = caseOf("GET 100 KiB at 16", { larder: 12_000, "turborepo-remote-cache": 4_000 });

  test("says how much better larder is than each peer", () => {
    const [larder, peer] = formatTable([one]).split("\n").slice(2);
    expect(larder).toContain("12,000 requests/s");
    expect(larder).toContain("pass ≥ 3× turborepo-remote-cache");
    expect(peer).toContain("3.00× t-r-c");
  });

  test("says why a server was not measured", () => {
    const failed = { server: "nginx", isLarder: false, rounds: [], note: "It did not start.\nlong log" };
    const table = formatTable([{ ...one, servers: [...one.servers, failed] }]);
    expect(table).toContain("It did not start.");
    expect(table).not.toContain("long log");
  });
});

describe("the load generator's limit", () => {
  const limit = { ...caseOf("GET 10 KiB at 16", { "silent server": 100 }), scenario: "limit" };

  test("is nothing to mind where servers are far from it", () => {
    const lines = loadLimitLines([caseOf("GET 10 KiB at 16", { larder: 40, nginx: 79 }), limit]);
    expect(lines).toEqual([expect.stringMatching(/\(nginx\) came to 79% of that, so the server is/)]);
  });

  test("is told where a server comes near", () => {
    const lines = loadLimitLines([caseOf("GET 10 KiB at 16", { nginx: 80 }), limit]);
    expect(lines).toEqual([expect.stringContaining("80% of that, so it may be")]);
  });
});

describe("wrk's report", () => {
  test("is found behind what wrk prints itself", () => {
    const report = '{"requests":2,"bytes":9,"durationMs":1.5,"p50Ms":1,"p99Ms":2,"refused":0,"broken":0}';
    expect(parseReport(`Running 1s test\n  1 threads\n\n${report}\n`, "")).toMatchObject({
      requests: 2,
      bytes: 9,
    });
  });

  test("that is missing is an error with what wrk said", () => {
    expect(() => parseReport("", "unable to connect")).toThrow("unable to connect");
  });
});

describe("options", () => {
  test("take scenarios one by one or with commas", () => {
    expect(parseOptions(["--only", "get,put", "--only", "miss"], {}).only).toEqual(["get", "put", "miss"]);
  });

  test("win over the environment", () => {
    const env = { BENCH_PEERS: "/a" };
    expect(parseOptions([], env).peers).toBe("/a");
    expect(parseOptions(["--peers", "/b"], env).peers).toBe("/b");
  });

  test("measure three times unless told otherwise", () => {
    const rounds = (...args: string[]) => parseOptions(args, {}).rounds;
    expect([rounds(), rounds("--quick"), rounds("--rounds", "5")]).toEqual([3, 1, 5]);
  });

  test("that are unknown or make no sense are refused", () => {
    expect(() => parseOptions(["--fast"], {})).toThrow(TypeError);
    for (const rounds of ["0", "1.5", "many"])
      expect(() => parseOptions(["--rounds", rounds], {})).toThrow("--rounds");
  });
});

describe("the results page", () => {
  const page =
    "# Page\n<!-- results: written by `bun run bench --write` -->\nold\n<!-- end of results -->\nrest\n";

  test("keeps all that stands around the results", () => {
    const written = replaceResults(page, "new");
    expect(written).toStartWith("# Page\n");
    expect(written).toEndWith("<!-- end of results -->\nrest\n");
    expect(written).not.toContain("old");
    expect(replaceResults(written, "new")).toBe(written);
  });

  test("without its markers is left alone", () => {
    expect(() => replaceResults("# Page", "new")).toThrow("has to have");
  });
});

function caseOf(
  name: string,
  values: Record<string, number>,
  unit: CaseResult["unit"] = "requests/s",
): CaseResult {
  const servers = Object.entries(values).map(([server, value]) => ({
    server,
    isLarder: server.startsWith("larder"),
    rounds: [],
    median: { value },
  }));
  return { scenario: "any", name, unit, servers };
}

function verdictsFor(one: CaseResult, server: string) {
  const result = one.servers.find((other) => other.server === server);
  return result && verdictsOf(one, result, [one]);
}
