import { expect } from "bun:test";
import type { RunningLarder } from "../../larder.ts";

export type Headers = Record<string, string>;

export interface ReportedEvent {
  sessionId?: string;
  source: string;
  event: string;
  hash: string;
  duration?: number;
}

/** The Remote Cache API as one token sees it. */
export class TurboClient {
  private authorization: string | undefined;

  /**
   * @param url the server's, base path included.
   * @param version `/v8`, or empty for the paths of the OpenAPI document.
   * @param team the query that names a team, such as `?slug=web`.
   */
  constructor(
    readonly url: string,
    token: string,
    readonly version = "/v8",
    private readonly team = "",
  ) {
    this.authorization = `Bearer ${token}`;
  }

  /** The same token, naming a team. */
  of(team: string): TurboClient {
    return new TurboClient(this.url, "", this.version, team).authorizedBy(this.authorization);
  }

  /** Sends this in the Authorization header from now on, or no such header. */
  authorizedBy(authorization: string | undefined): this {
    this.authorization = authorization;
    return this;
  }

  /** @param path below `/artifacts`. */
  send(
    method: string,
    path: string,
    options: { headers?: Headers; body?: BodyInit } = {},
  ): Promise<Response> {
    return fetch(`${this.url}${this.version}/artifacts${path}${this.team}`, {
      method,
      headers: {
        ...(this.authorization !== undefined && { authorization: this.authorization }),
        ...options.headers,
      },
      ...(options.body !== undefined && { body: options.body }),
      redirect: "manual",
    });
  }

  status(): Promise<Response> {
    return this.send("GET", "/status");
  }

  put(hash: string, body: BodyInit, headers: Headers = {}): Promise<Response> {
    return this.send("PUT", `/${hash}`, { body, headers });
  }

  get(hash: string, headers: Headers = {}): Promise<Response> {
    return this.send("GET", `/${hash}`, { headers });
  }

  head(hash: string, headers: Headers = {}): Promise<Response> {
    return this.send("HEAD", `/${hash}`, { headers });
  }

  query(hashes: unknown): Promise<Response> {
    return this.send("POST", "", { body: JSON.stringify({ hashes }) });
  }

  report(events: ReportedEvent[], headers: Headers = {}): Promise<Response> {
    return this.send("POST", "/events", { body: JSON.stringify(events), headers });
  }
}

/** The error body has the flat shape of the OpenAPI document and the wrapped one that turbo reads. */
export async function expectRefusal(response: Response, status: number, code: string): Promise<string> {
  const body = (await response.json()) as { code: string; message: string };
  expect({ status: response.status, body }).toEqual({
    status,
    body: {
      code,
      message: expect.any(String),
      error: { code, message: body.message },
    } as never,
  });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  return body.message;
}

export interface NewToken {
  id: string;
  token: string;
  teamId: string;
}

/** Makes a token with the command line, beside the server. */
export async function createToken(
  larder: RunningLarder,
  team: string,
  permission: "read" | "write" | "admin" = "write",
  ...more: string[]
): Promise<NewToken> {
  return JSON.parse(
    await cliOutput(
      larder,
      "token",
      "create",
      "--team",
      team,
      "--permission",
      permission,
      "--name",
      `${team} ${permission}`,
      "--json",
      ...more,
    ),
  );
}

/** Makes a team, and a token that may write as it. */
export async function createTeam(larder: RunningLarder, slug: string, ...more: string[]): Promise<NewToken> {
  await cliOutput(larder, "team", "create", slug, ...more);
  return createToken(larder, slug);
}

/** What a command printed. Throws when it failed. */
export async function cliOutput(larder: RunningLarder, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await larder.cli(...args);
  if (exitCode !== 0) throw new Error(`larder ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout;
}
