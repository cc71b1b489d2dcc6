import type { Logger } from "pino";
import { RefusalLog } from "../audit/refusal-log.ts";
import type { Database } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import type { SignInProof } from "./sign-in-proof.ts";
import type { Users } from "./users.ts";

/** A stranger's attempts must not fill the disk with what is written down of them. */
const maxRefusalsPerMinute = 20;

/** Signs people in with e-mail address and password, slows down those who guess, and writes down that somebody does. */
export class PasswordSignIn {
  private readonly attempts = new Attempts();
  private readonly refusals: RefusalLog;

  constructor(
    database: Database,
    private readonly users: Users,
    private readonly log: Logger,
  ) {
    this.refusals = new RefusalLog(database, maxRefusalsPerMinute);
  }

  /**
   * @returns the proof to open a session with, or to change the password.
   * @throws Refusal `unauthorized`, the same whether the account exists, is disabled, or has another password, or
   *   `too_many_requests`.
   */
  async verify(email: string, password: string, address: string | null): Promise<SignInProof> {
    using attempt = this.begin(email, address);
    let proof: SignInProof | undefined;
    try {
      proof = await this.users.findByPassword(email, password);
    } catch (error) {
      attempt.takeBack();
      throw error;
    }
    if (proof) {
      attempt.succeeded();
      return proof;
    }
    this.record(email, address, "wrong password");
    throw new Refusal("unauthorized", "E-mail address or password is wrong.");
  }

  private begin(email: string, address: string | null): Attempt {
    try {
      return this.attempts.begin(email, address);
    } catch (error) {
      this.record(email, address, "too many attempts");
      throw error;
    }
  }

  /** Not waited for, since the time that it takes would tell which accounts there are. */
  private record(email: string, address: string | null, reason: string): void {
    this.write(email, address, reason).catch((error) =>
      this.log.error({ err: error }, "a refused sign-in could not be written down"),
    );
  }

  /** One row for an account and minute, and not more than some in all. */
  private async write(email: string, address: string | null, reason: string): Promise<void> {
    const user = await this.users.find(email);
    // People type a password where the address belongs, so only what is the address of somebody is written down.
    const account = user?.email ?? "";
    const anonymous = { kind: "anonymous", id: null, name: "anonymous", address } as const;
    await this.refusals.record(
      anonymous,
      { kind: "session.refuse", ...(user && { target: user.email }), details: { reason } },
      account,
    );
  }
}
