import { afterEach, beforeEach, expect, test } from "bun:test";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { BrowserSessions } from "../../src/http/browser-session.ts";
import { Site } from "../../src/http/site.ts";
import { PasswordSignIn } from "../../src/identity/password-sign-in.ts";
import type { SignInProof } from "../../src/identity/sign-in-proof.ts";
import { Users } from "../../src/identity/users.ts";
import { pageErrors } from "../../src/sign-in/error-page.ts";
import { pages } from "../../src/sign-in/pages.ts";
import { openTestIdentity } from "../identity/test-identity.ts";

const email = "bob@example.org";
const password = "correct horse";
const origin = "http://larder.example";

let t: ReturnType<typeof openTestIdentity>;
/** What happens once somebody has proved to be a user, and before anything has come of it. */
let meanwhile: () => Promise<unknown>;
let send: (path: string, fields?: Record<string, string>) => Promise<Response>;
let cookie: string;

beforeEach(async () => {
  t = openTestIdentity();
  meanwhile = async () => {};
  cookie = "";
  await t.users.create({ email: "ann@example.org", role: "admin" });
  await t.users.create({ email, password });
  const interrupted = async (proof: Promise<SignInProof>) => {
    const proved = await proof;
    await meanwhile();
    return proved;
  };
  class InterruptedUsers extends Users {
    override setPasswordByLink(...args: Parameters<Users["setPasswordByLink"]>) {
      return interrupted(super.setPasswordByLink(...args));
    }
  }
  class InterruptedSignIn extends PasswordSignIn {
    override verify(...args: Parameters<PasswordSignIn["verify"]>) {
      return interrupted(super.verify(...args));
    }
  }
  const users = new InterruptedUsers(t.database, serverActor);
  const site = new Site(origin, "");
  const addressOf = () => null;
  const app = pages({
    site,
    browserSessions: new BrowserSessions({
      sessions: t.sessions,
      site,
      sessionMaxAgeMs: 60_000,
      addressOf,
      onUser: () => {},
    }),
    database: t.database,
    users,
    sessions: t.sessions,
    links: t.links,
    passwordSignIn: new InterruptedSignIn(t.database, users, pino({ level: "silent" })),
    choices: [],
    oidcProvider: undefined,
    addressOf,
    errors: pageErrors(async ({ error }) => Response.json({ message: String(error) }, { status: 500 })),
  });
  send = async (path, fields) => {
    const answer = await app.handle(
      new Request(origin + path, {
        headers: { origin, cookie },
        ...(fields && { method: "POST", body: new URLSearchParams(fields) }),
      }),
    );
    for (const set of answer.headers.getSetCookie()) cookie = set.split(";")[0] as string;
    return answer;
  };
});
afterEach(() => t[Symbol.asyncDispose]());

test("a sign-in with a password that is changed meanwhile shows the sign-in page again", async () => {
  meanwhile = () => t.beside.users.setPassword(email, "battery staple");
  const answer = await send("/sign-in", { email, password });
  expect(answer.status).toBe(403);
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(await answer.text()).toMatch(/has changed while you signed in[\s\S]+action="\/sign-in"/);
});

test("a link whose user is disabled as soon as it is used leads to the sign-in page", async () => {
  meanwhile = () => t.beside.users.set(email, { isDisabled: true });
  const secret = await t.users.createPasswordLink(email, 60_000);
  const answer = await send("/password", { secret, password: "by the link", repeated: "by the link" });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/sign-in?next=%2Faccount"]);
  expect(cookie).toBe("");
});

test("whoever changes a password while an administrator does is signed out, and the administrator's counts", async () => {
  await send("/sign-in", { email, password });
  const csrf = /name="csrf" value="(\w+)"/.exec(await (await send("/account")).text())?.[1] as string;
  meanwhile = () => t.beside.users.setPassword(email, "battery staple");
  const answer = await send("/account/password", {
    csrf,
    current: password,
    password: "by the intruder",
    repeated: "by the intruder",
  });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/sign-in?next=%2Faccount"]);
  expect((await send("/account")).status).toBe(303);
  expect(await t.users.findByPassword(email, "battery staple")).toBeDefined();
});
