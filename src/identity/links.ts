import { and, eq, gt, lte } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { type linkPurposes, links } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { randomText } from "./random.ts";
import { digestSecret } from "./secret.ts";

/**
 * What a link is good for: `setup`, to create the first administrator; `password`, to choose a password; `sso`, for a client to
 * fetch the token of a sign-in that somebody has approved in a browser.
 */
export type LinkPurpose = (typeof linkPurposes)[number];

export interface Link {
  purpose: LinkPurpose;
  userId: string | null;
  teamId: string | null;
  expiresAt: number;
}

const secretPrefix = "lrl_";
const secretLength = 40;

export interface NewLink {
  userId?: string | null;
  teamId?: string | null;
  maxAgeMs: number;
}

/** Secrets that are good for one thing, once, and not for long. */
export class Links {
  constructor(private readonly database: Database) {}

  /**
   * @returns the secret, which is shown nowhere else. It takes the place of those of the same purpose and user; those of
   *   clients (`sso`) stand side by side.
   */
  async create(purpose: LinkPurpose, link: NewLink): Promise<string> {
    return await this.database.write((tx) => createLink(tx, purpose, link));
  }

  /** What the link is for, without using it up; undefined if it is unknown, used, expired or for something else. */
  async find(secret: string, purpose: LinkPurpose): Promise<Link | undefined> {
    return await findLink(this.database.read, secret, purpose);
  }

  /** The same, and uses it up: of several at once, one gets it. */
  async redeem(secret: string, purpose: LinkPurpose): Promise<Link | undefined> {
    return await this.database.write((tx) => redeemLink(tx, secret, purpose));
  }

  /** Removes those that nobody can use any more. */
  async removeExpired(): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.delete(links).where(lte(links.expiresAt, Date.now()));
    });
  }
}

/** `Links.create` as a part of something else. */
export async function createLink(
  tx: Queries,
  purpose: LinkPurpose,
  { userId = null, teamId = null, maxAgeMs }: NewLink,
): Promise<string> {
  const secret = secretPrefix + randomText(secretLength);
  const now = Date.now();
  await tx.delete(links).where(lte(links.expiresAt, now));
  if (purpose === "setup") await tx.delete(links).where(eq(links.purpose, purpose));
  if (purpose === "password" && userId !== null)
    await tx.delete(links).where(and(eq(links.purpose, purpose), eq(links.userId, userId)));
  await tx.insert(links).values({
    secretSha256: digestSecret(secret),
    purpose,
    userId,
    teamId,
    createdAt: now,
    expiresAt: now + maxAgeMs,
  });
  return secret;
}

/** `Links.redeem` as a part of what the link is for: it is used up only if that succeeds. */
export async function redeemLink(
  tx: Queries,
  secret: string,
  purpose: LinkPurpose,
): Promise<Link | undefined> {
  const link = await findLink(tx, secret, purpose);
  if (link) await tx.delete(links).where(eq(links.secretSha256, digestSecret(secret)));
  return link;
}

async function findLink(queries: Queries, secret: string, purpose: LinkPurpose): Promise<Link | undefined> {
  const [row] = await queries
    .select()
    .from(links)
    .where(
      and(
        eq(links.secretSha256, digestSecret(secret)),
        eq(links.purpose, purpose),
        gt(links.expiresAt, Date.now()),
      ),
    );
  return row && { purpose: row.purpose, userId: row.userId, teamId: row.teamId, expiresAt: row.expiresAt };
}

/** @throws Refusal `unauthorized` where there is none. */
export function requireLink<T>(link: T | undefined, purpose: LinkPurpose): T {
  if (!link) throw badLink(purpose);
  return link;
}

const linkAdvice: Partial<Record<LinkPurpose, string>> = {
  setup: "Restart larder, which then prints a new one.",
  password: "Ask an administrator for a new one (`larder user reset-link`).",
};

/** The same whether a link never was, is used, or too old. */
export function badLink(purpose: LinkPurpose): Refusal {
  return new Refusal(
    "unauthorized",
    `This link is not valid: it has been used, has expired, or was not copied whole. ${linkAdvice[purpose] ?? ""}`.trim(),
  );
}
