import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonRequestLog } from "../../src/server/access-log.ts";

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant(undefined));

test("a request's line is the JSON of what it says, whatever clients and operators put into it", () => {
  fc.assert(
    fc.property(
      fc.record({ path: text, client: text, address: text, method: fc.string() }),
      fc.option(fc.dictionary(fc.stringMatching(/^[a-z]{5}$/), fc.jsonValue()), { nil: undefined }),
      (texts, notes) => {
        const line = { requestId: "a.b:c", status: 404, durationMs: 0.3, ...texts };
        const lines: string[] = [];
        jsonRequestLog({ write: (one) => void lines.push(one) })(line, notes);
        const [written = ""] = lines;
        expect(written.indexOf("\n")).toBe(written.length - 1);
        const { level, time, msg, ...rest } = JSON.parse(written);
        expect({ level, msg }).toEqual({ level: "info", msg: "request" });
        expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
        expect(rest).toEqual(JSON.parse(JSON.stringify({ ...line, ...notes })));
      },
    ),
  );
});
