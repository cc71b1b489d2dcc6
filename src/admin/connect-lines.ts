import type { ToolName } from "../tools.ts";

/** What stands where, so that clients find a larder. */
export interface Connection {
  url: string;
  /** How other machines reach it, where `url` is for its own machine only. */
  networkUrls: readonly string[];
  teamSlug: string;
  /** Without it, a place is left for it. */
  token?: string;
}

/** What goes into one place. */
export interface ConnectLine {
  /** Where it goes, without a colon. */
  title: string;
  text: string;
  language: "shell" | "json" | "yaml";
}

/** What to paste where so that a tool uses this larder. */
export const linesOf: Record<ToolName, (connection: Connection) => ConnectLine[]> = { turbo: turboLines };

function turboLines(connection: Connection): ConnectLine[] {
  const { url, networkUrls, teamSlug, token = "<your token>" } = connection;
  // A repository and its CI are elsewhere, where localhost is another machine.
  const sharedUrl = networkUrls[0] ?? url;
  return [
    {
      title: "In the shell",
      language: "shell",
      text: `export TURBO_API="${url}"
export TURBO_TEAM="${teamSlug}"
export TURBO_TOKEN="${token}"`,
    },
    {
      title: "Or in turbo.json, so that only TURBO_TOKEN has to be in the environment",
      language: "json",
      text: `"remoteCache": {
  "apiUrl": "${sharedUrl}",
  "teamSlug": "${teamSlug}"
}`,
    },
    {
      title: "In GitHub Actions, with the token as secret TURBO_TOKEN of the repository",
      language: "yaml",
      text: `env:
  TURBO_API: "${sharedUrl}"
  TURBO_TEAM: "${teamSlug}"
  TURBO_TOKEN: \${{ secrets.TURBO_TOKEN }}`,
    },
    {
      title: "Whoever has an account here can do without that token, and get one from a browser",
      language: "shell",
      text: `export TURBO_API="${sharedUrl}"
export TURBO_LOGIN="${sharedUrl}"
turbo login
turbo link`,
    },
  ];
}

/** Lines for a terminal, with what each is for before it. */
export function lineTexts(lines: readonly ConnectLine[]): string[] {
  return lines.map(({ title, text }) => `${title}:\n\n${text.replaceAll(/^(?=.)/gm, "  ")}\n`);
}

/** The same as one text for a terminal. */
export function connectText(connection: Connection): string {
  const { networkUrls } = connection;
  const elsewhere = networkUrls.length > 0 ? `\nFrom other machines: ${networkUrls.join(", ")}\n` : "";
  const [first, ...others] = lineTexts(turboLines(connection)) as [string, ...string[]];
  return `${[first + elsewhere, ...others].join("\n")}
\`turbo login --manual\` asks for the URL, the team and a token instead.
`;
}
