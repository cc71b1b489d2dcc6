import { Elysia, t } from "elysia";
import type { Verifier } from "../cache/verifier.ts";
import type { AdminOptions } from "./admin.ts";
import { isoTime } from "./iso-time.ts";
import { isoTimeModel } from "./model.ts";

const verifyModel = t.Object(
  {
    blobs: t.Number(),
    sizeBytes: t.Number(),
    startedAt: t.Nullable(isoTimeModel, { description: "Null before the first since the server's start" }),
    completedAt: t.Nullable(isoTimeModel, { description: "When one was last read to the end" }),
  },
  { description: "What was read of the round of verification that is under way, or of the last one" },
);

const storageModel = t.Object({
  teams: t.Array(
    t.Object({
      team: t.String({ description: "Slug" }),
      teamId: t.String(),
      artifacts: t.Number(),
      sizeBytes: t.Number({ description: "What its artifacts would take if nothing were shared" }),
      usedBytes: t.Number({ description: "The same with each blob counted once" }),
      quotaBytes: t.Nullable(t.Number()),
    }),
  ),
  blobs: t.Number(),
  storedBytes: t.Number({ description: "What lies on the storage, each blob once" }),
  savedBytes: t.Number({ description: "How much more it would take if nothing were shared" }),
  quarantined: t.Object(
    { blobs: t.Number(), sizeBytes: t.Number() },
    { description: "Damaged, and served to nobody" },
  ),
  verify: verifyModel,
});

/** `/storage`: what the teams use, and what sharing saves; `/verify`: whether the bytes are still right. */
export function storageRoutes({ who, cache, storageTotals }: AdminOptions) {
  return new Elysia({ tags: ["Server"] })
    .use(who)
    .get("/storage", async () => ({ ...(await storageTotals.read()), verify: verifyJson(cache.verifier) }), {
      who: "server",
      response: storageModel,
      detail: {
        summary: "What the teams use, and what sharing saves",
        description: "Counted anew at most once a minute.",
      },
    })
    .post(
      "/verify",
      async ({ caller, body }) => {
        await cache.verifier.begin(body.bytesPerSecond, caller.by);
        return verifyJson(cache.verifier);
      },
      {
        who: "server",
        body: t.Object(
          {
            bytesPerSecond: t.Optional(
              t.Integer({
                minimum: 1,
                maximum: Number.MAX_SAFE_INTEGER,
                description: "How much to read each second at most; as fast as the disk, if not said",
              }),
            ),
          },
          { additionalProperties: false, examples: [{ bytesPerSecond: 104_857_600 }] },
        ),
        response: verifyModel,
        detail: {
          summary: "Begin to read all that is stored, and take out what is missing or wrong",
          description:
            "In the place of the round that is under way, the server's own or one that was begun so. GET /storage says how far it has come.",
        },
      },
    );
}

function verifyJson({ progress }: Verifier) {
  const { blobs, sizeBytes, startedAt, completedAt } = progress;
  return {
    blobs,
    sizeBytes,
    startedAt: isoTime(startedAt ?? null),
    completedAt: isoTime(completedAt ?? null),
  };
}
