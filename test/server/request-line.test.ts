import { expect, setSystemTime, test } from "bun:test";
import fc from "fast-check";
import { pino } from "pino";
import {
  jsonRequestLog,
  type RequestLine,
  type RequestLog,
  requestLog,
} from "../../src/server/access-log.ts";
import { jsonLines } from "../../src/server/logger.ts";

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant(undefined));

/** What a log writes of a request. */
function written(
  logTo: (lines: { write(line: string): void }) => RequestLog,
  line: RequestLine,
  notes: Record<string, unknown> | undefined,
): string {
  let all = "";
  logTo({
    write: (one) => {
      all += one;
    },
  })(line, notes);
  return all;
}

test("a request's line is the JSON of what it says, and the logger's own, whatever clients and operators put into it", () => {
  const now = new Date("2026-11-20T13:19:58.007Z");
  setSystemTime(now);
  try {
    fc.assert(
      fc.property(
        fc.record({ path: text, client: text, address: text, method: fc.string() }),
        fc.option(fc.dictionary(fc.stringMatching(/^[a-z]{5}$/), fc.jsonValue()), { nil: undefined }),
        (texts, notes) => {
          const line = { requestId: "a.b:c", status: 404, durationMs: 0.3, ...texts };
          const ours = written(jsonRequestLog, line, notes);
          expect(ours.indexOf("\n")).toBe(ours.length - 1);
          const { level, time, msg, ...rest } = JSON.parse(ours);
          expect({ level, time, msg }).toEqual({ level: "info", time: now.toISOString(), msg: "request" });
          expect(rest).toEqual(JSON.parse(JSON.stringify({ ...line, ...notes })));

          const loggers = written((lines) => requestLog(pino(jsonLines, lines)), line, notes);
          expect(JSON.parse(ours)).toEqual(JSON.parse(loggers));
        },
      ),
    );
  } finally {
    setSystemTime();
  }
});
