import { type RunningLarder, startLarder } from "../larder.ts";

export interface Account {
  email: string;
  password: string;
}

export const administrator: Account = { email: "ann@example.org", password: "correct horse battery" };

/** The secret of the link that a start has printed. */
export function setupSecret(larder: RunningLarder): string {
  const secret = /\/setup#(lrl_\w+)/.exec(larder.stdout())?.[1];
  if (!secret) throw new Error(`This larder has printed no link.\n${larder.stdout()}`);
  return secret;
}

/** Requests as a browser makes them, with the cookies of one. */
export class SiteClient {
  cookie = "";

  /** @param url where larder listens, its base path included. @param headers sent with each request. */
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return await this.send(path, { headers });
  }

  /** Sends a form as a page of larder's own would. */
  async post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return await this.send(path, {
      method: "POST",
      headers: { origin: new URL(this.url).origin, ...headers },
      body: new URLSearchParams(fields),
    });
  }

  /** The same for somebody signed in, with what the page would have put into the form. */
  async postFromAccount(path: string, fields: Record<string, string> = {}): Promise<Response> {
    return await this.post(path, { csrf: await this.csrfToken(), ...fields });
  }

  async csrfToken(): Promise<string> {
    const page = await (await this.get("/account")).text();
    const token = /name="csrf" value="(\w+)"/.exec(page)?.[1];
    if (!token) throw new Error(`No form here.\n${page}`);
    return token;
  }

  async setUp(larder: RunningLarder, { email, password } = administrator): Promise<void> {
    const fields = { email, name: "Ann", password, repeated: password, secret: setupSecret(larder) };
    await expectStatus(await this.post("/setup", fields), 303);
  }

  async signIn({ email, password } = administrator): Promise<void> {
    await expectStatus(await this.post("/sign-in", { email, password }), 303);
  }

  /** Whether the account page is shown. */
  async isSignedIn(): Promise<boolean> {
    return (await this.get("/account")).status === 200;
  }

  private async send(
    path: string,
    init: RequestInit & { headers: Record<string, string> },
  ): Promise<Response> {
    const headers = { ...this.headers, ...(this.cookie && { cookie: this.cookie }), ...init.headers };
    const answer = await fetch(this.url + path, { ...init, headers, redirect: "manual" });
    for (const cookie of answer.headers.getSetCookie()) this.cookie = cookie.split(";")[0] as string;
    return answer;
  }
}

/** A larder that is set up, and a client in which its administrator is signed in. */
export async function startSetUp(options: Parameters<typeof startLarder>[0] = {}) {
  const larder = await startLarder(options);
  const client = new SiteClient(larder.url);
  await client.setUp(larder);
  return { larder, client, [Symbol.asyncDispose]: () => larder[Symbol.asyncDispose]() };
}

/** A new user with a password. */
export async function createUser(larder: RunningLarder, account: Account, ...args: string[]): Promise<void> {
  const { stdout, exitCode, stderr } = await larder.cli("user", "create", account.email, ...args);
  if (exitCode !== 0) throw new Error(stderr);
  const secret = stdout.trim().split("#")[1] as string;
  const { password } = account;
  const client = new SiteClient(larder.url);
  await expectStatus(await client.post("/password", { secret, password, repeated: password }), 303);
}

async function expectStatus(answer: Response, status: number): Promise<void> {
  if (answer.status !== status) throw new Error(`${answer.status} ${await answer.text()}`);
}
