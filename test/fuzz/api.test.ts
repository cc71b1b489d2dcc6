import { expect, test } from "bun:test";
import fc from "fast-check";
import { openWorld } from "../admin/world.ts";

/** Requests that have little to do with what the routes want, or nearly everything; `send` holds each answer against the description. */
test("whatever anybody asks of the API, it answers as described, and never with a fault", async () => {
  await using world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  const token = async (permission: string, scope?: string) =>
    (
      await admin.ok("POST", "/tokens", {
        team: "web",
        name: permission,
        permission,
        ...(scope && { scope }),
      })
    ).secret;
  const writer = await token("write");
  await world.upload(writer, "web", "abc1", "bytes");
  await world.report(writer, "web", {
    sessionId: "s",
    source: "LOCAL",
    event: "HIT",
    hash: "abc1",
    duration: 1,
  });
  const askers = [
    admin,
    admin,
    admin,
    world.bearer(await token("admin")),
    world.bearer(writer),
    world.bearer(await token("write", "pr-1")),
    world.anonymous,
  ];
  const { paths } = world.description.document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path: path.replace("/api/v1", ""),
      method: method.toUpperCase(),
      operation,
    })),
  );
  const word = fc.oneof(
    fc.constantFrom(
      "web",
      "default",
      "1",
      "0",
      "-1",
      "true",
      "7d",
      "2026-11-20",
      "ann@example.org",
      "turbo",
      "abc1",
      "size",
      "asc",
      "token",
      "",
      "%",
      "../x",
      "null",
      "TURBO_TOKEN",
      "pol_x",
      "tok_x",
      "usr_x",
      "team_x",
    ),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({ maxLength: 300 }),
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(
    word,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(word, { maxLength: 3 }),
    fc.object({ maxDepth: 2 }),
  );
  const request = fc.constantFrom(...operations).chain(({ path, method, operation }) => {
    const names = (operation.parameters ?? []).filter((one) => one.in === "query").map(({ name }) => name);
    const schema = operation.requestBody?.content["application/json"]?.schema as
      | { properties?: Record<string, { enum?: unknown[] }> }
      | undefined;
    const fields = Object.entries(schema?.properties ?? {}).map(
      ([name, { enum: words }]) =>
        [name, words ? fc.oneof(fc.constantFrom(...words), value) : value] as const,
    );
    return fc.record({
      method: fc.oneof(
        { weight: 6, arbitrary: fc.constant(method) },
        { weight: 1, arbitrary: fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS") },
      ),
      path: fc
        .tuple(...path.split("/").map((part) => (part.startsWith("{") ? word : fc.constant(part))))
        .map((parts) =>
          parts
            .map((part, index) =>
              path.split("/")[index]?.startsWith("{") ? encodeURIComponent(part.toWellFormed()) || "x" : part,
            )
            .join("/"),
        ),
      query: fc.dictionary(
        names.length > 0 ? fc.constantFrom(...names, "other") : fc.constant("other"),
        word,
        { maxKeys: 4 },
      ),
      body: fc.option(
        fc.oneof(
          { weight: 5, arbitrary: fc.record(Object.fromEntries(fields), { requiredKeys: [] }) },
          { weight: 1, arbitrary: value },
        ),
        { nil: undefined },
      ),
    });
  });
  await fc.assert(
    fc.asyncProperty(request, fc.constantFrom(...askers), async ({ method, path, query, body }, asker) => {
      // A stream has no end.
      if (path === "/live" && method === "GET") return;
      const search = new URLSearchParams(
        Object.entries(query).map(([name, text]) => [name, text.toWellFormed()]),
      ).toString();
      const hasBody = !["GET", "HEAD", "OPTIONS"].includes(method) && body !== undefined;
      const { status } = await asker.send(
        method,
        search ? `${path}?${search}` : path,
        hasBody ? JSON.stringify(body) : undefined,
      );
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 1_500 },
  );
  await world.larder.stop();
  expect(world.larder.stderr()).not.toContain("request failed");
}, 180_000);
