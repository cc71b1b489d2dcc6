import { Elysia, t } from "elysia";
import { countGarbage, removeGarbage } from "../cache/garbage.ts";
import { Turns } from "../http/turns.ts";
import type { AdminOptions } from "./admin.ts";
import { keptAlive } from "./kept-alive.ts";

const withinMs = 10_000;

/** One at a time, whoever asks: they would only do each other's work. */
const turns = new Turns({ atOnce: 1, maxWaiting: 10, maxWaitMs: 30_000 });

const blobsModel = t.Object({ blobs: t.Number(), sizeBytes: t.Number() });

const garbageModel = t.Object({
  dryRun: t.Literal(true),
  tooOld: t.Number({ description: "Artifacts" }),
  overQuotaBytes: t.Number(),
  overMaxSizeBytes: t.Number({ description: "Always 0: the server keeps to maxSize by itself" }),
  unused: blobsModel,
  quarantined: blobsModel,
});

const removedModel = t.Object({
  dryRun: t.Literal(false),
  expired: t.Number({ description: "Artifacts that were too old" }),
  overQuota: t.Number({ description: "Artifacts beyond the quota of their team" }),
  evicted: t.Number({ description: "Always 0: the server keeps to maxSize by itself" }),
  freed: t.Object(blobsModel.properties, { description: "What has left the storage within some seconds" }),
  quarantined: blobsModel,
});

/** `/gc`: removes what the server would remove by itself within the hour. */
export function gcRoutes({ who, cache, database, keepAlive }: AdminOptions) {
  return new Elysia({ tags: ["Server"] }).use(who).post(
    "/gc",
    async ({ caller, body, request }) => {
      const work = async () =>
        body.dryRun
          ? { dryRun: true as const, ...(await countGarbage(cache, { evicts: false })) }
          : {
              dryRun: false as const,
              ...(await removeGarbage({
                cache,
                database,
                by: caller.by,
                isOurs: true,
                withinMs,
                evicts: false,
              })),
            };
      return await keptAlive(
        () => keepAlive(request),
        () => turns.take("", work),
      );
    },
    {
      who: "server",
      body: t.Object(
        { dryRun: t.Boolean({ description: "Only say what would go" }) },
        { additionalProperties: false, examples: [{ dryRun: true }] },
      ),
      response: t.Union([garbageModel, removedModel]),
      detail: {
        summary: "Remove what is too old, over a quota, unused, or long in quarantine",
        description:
          "What the server does by itself within the hour, now. With dryRun it only says what would go.",
      },
    },
  );
}
