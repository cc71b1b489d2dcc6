import { Elysia, t } from "elysia";
import type { AdminOptions } from "./admin.ts";

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
});

/** `/storage`: what the teams use, and what sharing saves. */
export function storageRoutes({ who, storageTotals }: AdminOptions) {
  return new Elysia({ tags: ["Server"] }).use(who).get("/storage", async () => await storageTotals.read(), {
    who: "server",
    response: storageModel,
    detail: {
      summary: "What the teams use, and what sharing saves",
      description: "Counted anew at most once a minute.",
    },
  });
}
