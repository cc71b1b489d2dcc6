import { Elysia, t } from "elysia";
import { version } from "../version.ts";
import type { AdminOptions } from "./admin.ts";
import { oneOf } from "./model.ts";

/** A setting as it counts. */
export interface ShownSetting {
  name: string;
  /** In the units that people write; `****` for a secret that is set. */
  value: string | number | null;
  /** What counts in its place, where that was left to the server, such as by `auto`. */
  resolved: string | number | null;
  source: "flag" | "environment" | "file" | "default";
  /** What it is for. */
  doc: string;
  isSecret: boolean;
}

const settingsModel = t.Object({
  settings: t.Array(
    t.Object({
      name: t.String(),
      value: t.Union([t.String(), t.Number(), t.Null()], {
        description: "As `larder config --json` has it: null for none, **** for a secret that is set",
      }),
      resolved: t.Union([t.String(), t.Number(), t.Null()], {
        description: "What counts where value leaves it to the server, as auto or port 0 do; else null",
      }),
      source: oneOf(["flag", "environment", "file", "default"]),
      doc: t.String(),
      isSecret: t.Boolean(),
    }),
  ),
  version: t.String(),
  bunVersion: t.String(),
  dataFolder: t.String(),
});

/** `/settings`: what the server goes by. It is changed where it is started. */
export function settingsRoutes({ who, settings, dataFolder }: AdminOptions) {
  return new Elysia({ tags: ["Server"] })
    .use(who)
    .get("/settings", () => ({ settings: settings(), version, bunVersion: Bun.version, dataFolder }), {
      who: "server",
      response: settingsModel,
      detail: {
        summary: "Every setting, its value and where it comes from",
        description: "Secrets are never shown. Settings are changed where the server is started.",
      },
    });
}
