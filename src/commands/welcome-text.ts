import { connectText } from "../admin/connect-lines.ts";
import type { App } from "../app/app.ts";
import { roundSize } from "../units.ts";
import { version } from "../version.ts";

/** What a server says when it has started: where it is, and on the first start what to do next. */
export function welcomeText(app: Omit<App, "stop">, publicUrl: string | undefined): string {
  const url = publicUrl ?? app.url;
  const networkUrls = publicUrl === undefined ? app.networkUrls : [];
  const lines = [`larder ${version} serves at ${url}`];
  if (url !== app.url) lines.push(`It listens at ${app.url}`);
  if (networkUrls.length > 0) lines.push(`From other machines: ${networkUrls.join(", ")}`);
  lines.push(
    app.maxSizeBytes === undefined
      ? "Artifacts may fill the disk up to minFree (maxSize is none)."
      : `Artifacts may take ${roundSize(app.maxSizeBytes)} (maxSize).`,
  );
  lines.push(`All that it keeps is in ${app.dataFolder} (data).`);
  const [setupLink, ...networkLinks] = app.setupLinks;
  if (setupLink !== undefined) {
    lines.push("", "There is no administrator yet. Within an hour, make the first one here:");
    lines.push("", `  ${setupLink}`);
    if (networkLinks.length > 0)
      lines.push(
        "",
        "or, with the browser of another machine:",
        "",
        ...networkLinks.map((link) => `  ${link}`),
      );
    if (app.firstSecret === undefined) lines.push("");
  }
  if (app.firstSecret === undefined) {
    lines.push("`larder connect` prints what to paste into a repository.", "");
    return lines.join("\n");
  }
  lines.push(
    "",
    `This is its first start: team "${app.teamSlug}" has a first token, shown this once. Paste:`,
    "",
    connectText({ url, networkUrls, teamSlug: app.teamSlug, token: app.firstSecret }),
  );
  return lines.join("\n");
}
