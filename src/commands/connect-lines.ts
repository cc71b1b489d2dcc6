/** What stands where, so that clients find a larder. */
export interface Connection {
  url: string;
  /** How other machines reach it, where `url` is for its own machine only. */
  networkUrls: readonly string[];
  teamSlug: string;
  /** Without it, a place is left for it. */
  token?: string;
}

/** What to paste where so that Turborepo uses this larder. */
export function connectLines(connection: Connection): string {
  const { url, networkUrls, teamSlug, token = "<your token>" } = connection;
  // A repository and its CI are elsewhere, where localhost is another machine.
  const sharedUrl = networkUrls[0] ?? url;
  const elsewhere = networkUrls.length > 0 ? `\nFrom other machines: ${networkUrls.join(", ")}\n` : "";
  return `In the shell:

  export TURBO_API="${url}"
  export TURBO_TEAM="${teamSlug}"
  export TURBO_TOKEN="${token}"
${elsewhere}
Or in turbo.json, so that only TURBO_TOKEN has to be in the environment:

  "remoteCache": {
    "apiUrl": "${sharedUrl}",
    "teamSlug": "${teamSlug}"
  }

In GitHub Actions, with the token as secret TURBO_TOKEN of the repository:

  env:
    TURBO_API: "${sharedUrl}"
    TURBO_TEAM: "${teamSlug}"
    TURBO_TOKEN: \${{ secrets.TURBO_TOKEN }}

Whoever has an account here can do without that token, and get one from a browser:

  export TURBO_API="${sharedUrl}"
  export TURBO_LOGIN="${sharedUrl}"
  turbo login
  turbo link

\`turbo login --manual\` asks for the URL, the team and a token instead.
`;
}
