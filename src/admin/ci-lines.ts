import { type CiProvider, providerOfPolicy } from "../identity/ci-providers.ts";
import type { Policy } from "../identity/policies.ts";
import type { ConnectLine } from "./connect-lines.ts";

/** What the jobs that a policy takes have to know. */
interface CiConnection {
  /** Where the CI service finds this larder. */
  url: string;
  teamSlug: string;
  /** For whom the jobs' own tokens have to be. */
  audience: string;
}

/** What stands in a job of each service that larder knows, so that it has a token without any secret. docs/ci.md shows the same. */
const ofProvider: Record<CiProvider, (connection: CiConnection) => ConnectLine> = {
  github: (connection) => ({
    title: "In a workflow of GitHub Actions, which needs no stored secret",
    language: "yaml",
    text: githubWorkflow(connection),
  }),
  // GitLab puts the token where its job says; the exchange finds it there.
  gitlab: ({ audience, ...where }) => ({
    title: "In .gitlab-ci.yml, which needs no stored secret",
    language: "yaml",
    text: `build:
  id_tokens:
    LARDER_ID_TOKEN:
      aud: ${yamlText(audience)}
  script:
    - ${exchange(where)}
    - npx turbo run build`,
  }),
  buildkite: (connection) => ({
    title: "In the steps of a Buildkite pipeline, which needs no stored secret",
    language: "yaml",
    text: `steps:
  - command: |
      ${exchange(connection, otherAudience(connection))}
      npx turbo run build`,
  }),
  circleci: (connection) => ({
    title: "In .circleci/config.yml, which needs no stored secret",
    language: "yaml",
    text: `jobs:
  build:
    docker: [{ image: cimg/node:lts }]
    steps:
      - checkout
      - run: |
          ${exchange(connection)}
          npx turbo run build`,
  }),
};

/** The same for the jobs of any other issuer. */
function ofAnyOther(issuer: string, connection: CiConnection): ConnectLine {
  const who = URL.parse(issuer)?.host ?? issuer;
  return {
    title: `In a job of ${who} that has its token, with the audience ${connection.audience}, in MY_ID_TOKEN`,
    language: "shell",
    text: `${exchange(connection, ["--token-env", "MY_ID_TOKEN"])}
npx turbo run build`,
  };
}

/** What to paste into the jobs that these policies of a team take: once for each CI service, whichever policies it has. */
export function ciLines(policies: readonly Policy[], url: string): ConnectLine[] {
  const lines = policies.map(({ issuer, claims, audience, teamSlug }) => {
    const provider = providerOfPolicy({ issuer, claims });
    const connection = { url, teamSlug, audience };
    return provider ? ofProvider[provider](connection) : ofAnyOther(issuer, connection);
  });
  const different = [...new Map(lines.map((each) => [JSON.stringify(each), each])).values()];
  // Two of one service differ in what their jobs' tokens are for.
  const byTitle = Map.groupBy(different, ({ title }) => title);
  return [...byTitle.values()].flatMap((alike) =>
    alike.map((each, index) => (index === 0 ? each : { ...each, title: `${each.title} (${index + 1})` })),
  );
}

function githubWorkflow(connection: CiConnection): string {
  const { url, teamSlug, audience } = connection;
  return `jobs:
  build:
    runs-on: ubuntu-latest
    permissions:
      id-token: write
      contents: read
    steps:
      - uses: actions/checkout@v4
      - uses: OWNER/larder/action@main # where your copy of larder's repository is
        with:
          url: ${yamlText(url)}
          team: ${yamlText(teamSlug)}${audience === url ? "" : `\n          audience: ${yamlText(audience)}`}
      - run: npx turbo run build`;
}

function exchange({ url, teamSlug }: Omit<CiConnection, "audience">, more: readonly string[] = []): string {
  const words = ["larder", "exchange", "--url", url, "--team", teamSlug, ...more, "--format", "export"];
  return `eval "$(${words.map(shellWord).join(" ")})"`;
}

/** Jobs ask for larder's URL unless they are told otherwise. */
function otherAudience({ url, audience }: CiConnection): string[] {
  return audience === url ? [] : ["--audience", audience];
}

const plain = /^[A-Za-z0-9_./:@+-]+$/;

function shellWord(text: string): string {
  return plain.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** YAML takes what JSON does. Without quotes a number, `null` or `on` would be no text. */
function yamlText(text: string): string {
  return JSON.stringify(text);
}
