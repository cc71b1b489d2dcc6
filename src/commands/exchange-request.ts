import { Refusal } from "../refusal.ts";
import { fetchPatiently } from "./fetch-patiently.ts";
import { jobLogText } from "./job-log-text.ts";

/** What a larder gives a job. */
export interface IssuedToken {
  secret: string;
  /** Slug. */
  team: string;
  permission: string;
  /** `trusted`, or the scope. */
  trust: string;
  maxAgeSeconds: number;
}

/**
 * Exchanges a job's token at the larder at `url`.
 * @throws Refusal `unavailable` that says why there is none.
 */
export async function requestExchange(
  url: string,
  { idToken, team }: { idToken: string; team: string | undefined },
): Promise<IssuedToken> {
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: idToken,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    ...(team !== undefined && { audience: team }),
  });
  const answer = await fetchPatiently(new URL(`${url}/oauth/token`), { method: "POST", body }, "larder");
  const text = await answer.text().catch(() => "");
  const issued = answer.ok ? issuedOf(text) : undefined;
  if (issued) return issued;
  throw new Refusal(
    "unavailable",
    messageOf(text) ?? `${url} answers ${answer.status}, and not as a larder would.`,
  );
}

/** What is printed gets into shells and files, so it is taken only if it is what a larder gives. */
function issuedOf(text: string): IssuedToken | undefined {
  const { access_token: secret, team, scope, trust, expires_in: maxAgeSeconds } = objectOf(text);
  if (typeof secret !== "string" || !/^lrd_[0-9A-Za-z]{1,100}$/.test(secret)) return undefined;
  if (typeof team !== "string" || !/^[a-z0-9-]{1,64}$/.test(team)) return undefined;
  if (typeof trust !== "string" || !/^[\w.-]{1,100}$/.test(trust)) return undefined;
  if ((scope !== "read" && scope !== "write") || typeof maxAgeSeconds !== "number") return undefined;
  return { secret, team, permission: scope, trust, maxAgeSeconds };
}

function messageOf(text: string): string | undefined {
  const { message } = objectOf(text);
  return typeof message === "string" ? jobLogText(message.slice(0, 1_000)) : undefined;
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
