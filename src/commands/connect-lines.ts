/** What to paste where so that Turborepo uses this larder. Without `token`, a place is left for it. */
export function connectLines(server: { url: string; teamSlug: string; token?: string }): string {
  const { url, teamSlug, token = "<your token>" } = server;
  return `In the shell:

  export TURBO_API="${url}"
  export TURBO_TEAM="${teamSlug}"
  export TURBO_TOKEN="${token}"

Or in turbo.json, so that only TURBO_TOKEN has to be in the environment:

  "remoteCache": {
    "apiUrl": "${url}",
    "teamSlug": "${teamSlug}"
  }

In GitHub Actions, with the token as secret TURBO_TOKEN of the repository:

  env:
    TURBO_API: "${url}"
    TURBO_TEAM: "${teamSlug}"
    TURBO_TOKEN: \${{ secrets.TURBO_TOKEN }}

Or run \`turbo login --manual\` and answer with the URL, the team and the token.
`;
}
