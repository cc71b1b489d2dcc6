/*
 * Exchanges the token by which GitHub vouches for this job for one of larder's, and sets TURBO_API, TURBO_TEAM and
 * TURBO_TOKEN for the steps that follow. Without one the job goes on, uncached, unless `required` is true.
 * Runs as it is: no dependencies, no build.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";

const timeoutMs = 15_000;
const pauseMs = 1_000;
const longestPauseMs = 10_000;

/** Why there is no token: nothing that the job itself could mend while it runs. */
class NoToken extends Error {}

try {
  await main();
} catch (error) {
  const why = error instanceof NoToken ? error.message : `Unexpected: ${error?.message ?? error}`;
  if (input("required") === "true") {
    command("error", `No token of larder. ${why}`);
    process.exitCode = 1;
  } else {
    command("warning", `This job goes on without the cache. ${why}`);
  }
}

async function main() {
  const url = larderUrl();
  const idToken = await githubToken(input("audience") || url);
  command("add-mask", idToken);
  const issued = await exchange(url, idToken, input("team"));
  command("add-mask", issued.secret);
  setForNextSteps("GITHUB_ENV", { TURBO_API: url, TURBO_TEAM: issued.team, TURBO_TOKEN: issued.secret });
  setForNextSteps("GITHUB_OUTPUT", { trust: issued.trust, permission: issued.permission });
  console.log(
    `Token of larder for ${Math.round(issued.maxAgeSeconds / 60)} min: team ${issued.team}, ` +
      `permission ${issued.permission}, trust ${issued.trust}`,
  );
}

function larderUrl() {
  const given = input("url");
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new NoToken("The input url has to be the address of a larder, such as https://cache.example.com.");
  return url.href.replace(/\/+$/, "");
}

async function githubToken(audience) {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = process.env;
  if (!address || !secret) {
    throw new NoToken(
      "GitHub gives this job no identity: add `permissions: { id-token: write, contents: read }` to it. " +
        "A pull request from a fork never has one.",
    );
  }
  const url = new URL(address);
  url.searchParams.set("audience", audience);
  const answer = await request(url, { headers: { authorization: `Bearer ${secret}` } }, "GitHub");
  const { value } = objectOf(await answer.text());
  if (answer.ok && typeof value === "string" && value !== "") return value;
  throw new NoToken(`GitHub gave the job no token (${answer.status}).`);
}

async function exchange(url, idToken, team) {
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: idToken,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  });
  if (team) body.set("audience", team);
  const answer = await request(new URL(`${url}/oauth/token`), { method: "POST", body }, "larder");
  const content = objectOf(await answer.text());
  const { access_token: secret, team: slug, trust, scope: permission, expires_in: maxAgeSeconds } = content;
  // It is set for all steps that follow, so it is taken only if it is what a larder gives.
  const isIssued =
    answer.ok &&
    /^lrd_[0-9A-Za-z]{1,100}$/.test(secret) &&
    /^[a-z0-9-]{1,64}$/.test(slug) &&
    /^[\w.-]{1,100}$/.test(trust) &&
    /^(read|write)$/.test(permission);
  if (isIssued) return { secret, team: slug, trust, permission, maxAgeSeconds };
  const said = content.message;
  throw new NoToken(
    typeof said === "string" ? foreign(said) : `${url} answers ${answer.status}, and not as a larder would.`,
  );
}

/** Tries once more after a fault that may pass: no connection, 429 or 5xx. */
async function request(url, init, who) {
  const first = await tryFetch(url, init);
  if (first && first.status !== 429 && first.status < 500) return first;
  const askedSeconds = Number(first?.headers.get("retry-after") ?? Number.NaN);
  const waitMs = askedSeconds >= 0 ? Math.min(askedSeconds * 1_000, longestPauseMs) : pauseMs;
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  const answer = (await tryFetch(url, init)) ?? first;
  if (answer) return answer;
  throw new NoToken(`${who} (${url.origin}) cannot be reached.`);
}

async function tryFetch(url, init) {
  try {
    // Where a redirect leads nobody knows, and a secret goes with it.
    return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    return undefined;
  }
}

function objectOf(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}

/** A mark that nobody can know keeps a value from ending early and setting a variable of its own. */
function setForNextSteps(file, values) {
  const path = process.env[file];
  if (!path) throw new NoToken(`This is no job of GitHub Actions: there is no ${file}.`);
  const mark = `larder_${randomUUID()}`;
  const lines = Object.entries(values).map(([name, value]) => `${name}<<${mark}\n${value}\n${mark}\n`);
  appendFileSync(path, lines.join(""));
}

/** A server's text without what the runner would obey: `##[` anywhere, and lines of its own. */
function foreign(text) {
  return text
    .slice(0, 1_000)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .replaceAll(/#(?=#\w*\[)/g, "# ");
}

/** A workflow command. The runner reads one from each line, so a line break must not get through. */
function command(name, text) {
  const escaped = String(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  console.log(`::${name}::${escaped}`);
}
