import { Refusal } from "../refusal.ts";
import { readCommonPasswords } from "./common-passwords.macro.ts" with { type: "macro" };
import { normalEmail } from "./email.ts";

/** OWASP ASVS 5.0, 6.2.1 and 6.2.9: at least 8, and 64 at least have to be allowed. */
const minLength = 8;
const maxLength = 256;
const commonPasswords: ReadonlySet<string> = new Set(readCommonPasswords(8));
/** Each takes 64 MiB for as long as it runs, so a crowd at the door must not run all at once. */
const maxAtOnce = 2;
const maxWaiting = 50;

let running = 0;
const waiting: (() => void)[] = [];

/** For whoever is about to choose one. */
export const passwordRule = `${minLength} to ${maxLength} characters of any kind, and none of the passwords that everybody tries first, nor your e-mail address. Longer is better.`;

/**
 * @param email of the user whose it is to be.
 * @throws Refusal `bad_request` for a password that is too short, too long, or among the first that anybody would try.
 */
export function checkPassword(password: string, email: string): void {
  const length = [...password].length;
  if (length < minLength || length > maxLength)
    throw new Refusal("bad_request", `A password has ${minLength} to ${maxLength} characters.`);
  if (commonPasswords.has(password.toLowerCase()))
    throw new Refusal(
      "bad_request",
      "This is one of the passwords that everybody tries first. Choose another.",
    );
  const [address, typed] = [normalEmail(email), normalEmail(password)];
  if (typed === address || typed === address.split("@")[0])
    throw new Refusal(
      "bad_request",
      "This is your e-mail address, or its beginning. Choose another password.",
    );
}

/** Argon2id, in PHC form. @throws Refusal `too_many_requests` when too many wait already. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => Bun.password.hash(password, { algorithm: "argon2id" }));
}

/**
 * Whether it is the password of `hash`. Takes as long when there is none, so that nobody learns which accounts there are.
 * @throws Refusal `too_many_requests` when too many wait already.
 */
export async function isPassword(password: string, hash: string | null): Promise<boolean> {
  if ([...password].length > maxLength) return false;
  // Made before it is known whether it is needed: the first one to sign in waits for it either way.
  const nobodys = await nobodysHash();
  const isRight = await inTurn(() => Bun.password.verify(password, hash ?? nobodys));
  return hash !== null && isRight;
}

let nobodysHashOnce: Promise<string> | undefined;

function nobodysHash(): Promise<string> {
  nobodysHashOnce ??= Bun.password.hash(crypto.randomUUID(), { algorithm: "argon2id" });
  return nobodysHashOnce;
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= maxAtOnce) {
    if (waiting.length >= maxWaiting) {
      throw new Refusal("too_many_requests", "Too many are signing in right now. Try again in a moment.", 5);
    }
    await new Promise<void>((go) => waiting.push(go));
  } else running++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
