import { Refusal } from "../refusal.ts";
import { normalEmail } from "./email.ts";
import { digestSecret } from "./secret.ts";
import { UnderWay } from "./under-way.ts";

/** How attempts are slowed that have one thing in common. */
interface Brake {
  /** So many may fail before there is any wait; from then on it doubles from one second. */
  free: number;
  maxWaitMs: number;
}

interface Failures {
  count: number;
  lastAt: number;
}

/** A guess at one account from one place. */
const pairBrake: Brake = { free: 4, maxWaitMs: 60_000 };
/** From many places at one account. Softer, since the account's owner waits, too, in a place that is new. */
const accountBrake: Brake = { free: 30, maxWaitMs: 10_000 };
/** From one place at many accounts. Softer, since a whole office may be one place. */
const addressBrake: Brake = { free: 30, maxWaitMs: 20_000 };

/** So many may be under way at once. Else one who knows a single password could have all others wait in line for theirs. */
const maxOfPairAtOnce = 2;
const maxOfAccountAtOnce = 10;
const maxOfAddressAtOnce = 10;

const forgetAfterMs = 15 * 60_000;
const knownForMs = 30 * 86_400_000;
const maxRemembered = 10_000;

/**
 * Slows down those who try passwords. Whoever fails waits longer with each failure, and nobody is locked out for longer than
 * a minute: else strangers could do it to others. A place from which an account was signed in to before is slowed by its own
 * failures only. It makes no difference whether there is such an account. Bounded memory, of which the oldest goes first.
 */
export class Attempts {
  private readonly byPair = new Recent<Failures>();
  private readonly byAccount = new Recent<Failures>();
  private readonly byAddress = new Recent<Failures>();
  private readonly underWay = new UnderWay();
  /** When an account was last signed in to, by place. */
  private readonly known = new Recent<number>();

  /**
   * Counts an attempt as one that fails, until `succeeded` says otherwise: those made at once are all counted. It is under
   * way until it is disposed of.
   * @param now in milliseconds of a clock that nobody sets.
   * @throws Refusal `too_many_requests` with the seconds to wait; then it is not counted.
   */
  begin(email: string, address: string | null, now = performance.now()): Attempt {
    const { pair, account, place } = keysOf(email, address);
    const isKnown = now - (this.known.get(pair) ?? -Infinity) < knownForMs;
    const slowed: [Recent<Failures>, string, Brake][] = [
      [this.byPair, pair, pairBrake],
      ...(isKnown
        ? []
        : ([
            [this.byAccount, account, accountBrake],
            [this.byAddress, place, addressBrake],
          ] satisfies [Recent<Failures>, string, Brake][])),
    ];
    const waitMs = Math.max(...slowed.map(([recent, key, brake]) => waitOf(recent.get(key), brake, now)));
    if (waitMs > 0) throw tooMany(Math.ceil(waitMs / 1000));
    const keys = [`pair ${pair}`, `account ${account}`, `place ${place}`] as const;
    const limits = [maxOfPairAtOnce, maxOfAccountAtOnce, maxOfAddressAtOnce];
    if (keys.some((key, index) => this.underWay.get(key) >= (limits[index] as number))) throw tooMany(1);
    this.underWay.begin(keys);
    for (const [recent, key] of slowed) {
      const before = recent.get(key);
      const count = before && now - before.lastAt < forgetAfterMs ? before.count : 0;
      recent.set(key, { count: count + 1, lastAt: now });
    }
    const takeBack = () => {
      for (const [recent, key] of slowed) {
        const failures = recent.get(key);
        if (failures) recent.set(key, { ...failures, count: Math.max(0, failures.count - 1) });
      }
    };
    return {
      takeBack,
      succeeded: () => {
        takeBack();
        // Those still under way may fail yet, this one among them until it is disposed of.
        const others = Math.max(0, this.underWay.get(keys[0]) - 1);
        const failures = this.byPair.get(pair);
        if (failures) this.byPair.set(pair, { ...failures, count: Math.min(failures.count, others) });
        this.known.set(pair, now);
      },
      [Symbol.dispose]: () => this.underWay.end(keys),
    };
  }
}

/** One that is under way, and counted as a failure if nothing more is said of it. */
export interface Attempt extends Disposable {
  /** To be told before it is disposed of. */
  succeeded(): void;
  /** It came to nothing, and nobody has learnt anything from it. */
  takeBack(): void;
}

function waitOf(failures: Failures | undefined, { free, maxWaitMs }: Brake, now: number): number {
  if (!failures || failures.count < free || now - failures.lastAt >= forgetAfterMs) return 0;
  const delayMs = Math.min(1000 * 2 ** (failures.count - free), maxWaitMs);
  return failures.lastAt + delayMs - now;
}

function keysOf(email: string, address: string | null) {
  const place = placeOf(address);
  // Of one length, whatever somebody has typed.
  const account = digestSecret(normalEmail(email));
  return { pair: `${account} ${place}`, account, place };
}

/** An IPv6 customer has 64 bits of addresses or more (RFC 6177), and may use a new one for each attempt. */
export function placeOf(address: string | null): string {
  if (address === null) return "";
  const inside = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (inside !== undefined || !address.includes(":")) return inside ?? address;
  const [head = "", tail] = address.replace(/%.*/, "").split("::");
  const front = groupsOf(head);
  const back = groupsOf(tail ?? "");
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...Array(Math.max(0, zeros)).fill("0"), ...back].slice(0, 4).join(":");
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16).toString(16));
}

function tooMany(seconds: number): Refusal {
  const wait = seconds === 1 ? "a second" : `${seconds} seconds`;
  return new Refusal("too_many_requests", `Too many attempts. Wait ${wait}, then try again.`, seconds);
}

/** A map that forgets what was set longest ago when it has become too large. */
class Recent<V> {
  private readonly entries = new Map<string, V>();

  get(key: string): V | undefined {
    return this.entries.get(key);
  }

  set(key: string, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size <= maxRemembered) return;
    for (const [oldest] of this.entries) {
      this.entries.delete(oldest);
      return;
    }
  }
}
