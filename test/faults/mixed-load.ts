import { expect } from "bun:test";
import { TurboClient } from "../protocols/turbo/client.ts";
import { absent, KeptArtifacts } from "./kept-artifacts.ts";
import type { Random } from "./random.ts";

const sizesBytes = [0, 1, 300, 4_000, 40_000, 150_000, 700_000];
/** After so many versions the bytes come again, so that uploads meet blobs that were let go of. */
const differentBodies = 24;
const uploaders = 6;

/** A team under load, and what its clients know of it. */
export interface LoadedTeam {
  token: string;
  /** With it the team is purged now and then. */
  adminToken?: string;
  kept: KeptArtifacts;
}

export interface Load {
  /** To be called before the server is ended; failing requests are not held against it from then on. */
  ending(): void;
  /** Resolves when the last request has been answered or has failed; rejects at once for a wrong answer. */
  readonly ended: Promise<void>;
  /** How many requests were answered. */
  readonly answered: () => number;
}

/** Events that the server has taken, and that it was sent. */
export interface ReportedEvents {
  acknowledged: number;
  attempted: number;
}

export function loadedTeam(name: string, tokens: { token: string; adminToken?: string }): LoadedTeam {
  return { ...tokens, kept: new KeptArtifacts(Array.from({ length: 12 }, (_, index) => `${name}${index}`)) };
}

/** New artifacts, other bytes and the same under their hashes, in chunks and with a length, reads, queries, events, purges. */
export function startLoad(
  serverUrl: string,
  teams: readonly LoadedTeam[],
  events: ReportedEvents,
  random: Random,
): Load {
  let isEnding = false;
  let answered = 0;

  /** One request after the other, until the server takes no more. */
  async function repeat(request: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await request();
        answered++;
      } catch (error) {
        if (isEnding && isBrokenConnection(error)) return;
        throw error;
      }
    }
  }

  function workersOf({ token, adminToken, kept }: LoadedTeam): Promise<void>[] {
    const client = new TurboClient(serverUrl, token);
    const upload = async (hashes: readonly string[]) => {
      const hash = random.of(hashes);
      const version = kept.beginUpload(hash);
      const body = bodyOf(hash, version);
      const sent = random.below(2) === 0 ? body : new Blob([body]).stream();
      const response = await client.put(hash, sent, { "x-artifact-duration": String(version) });
      await expectStatus(response, 202);
      kept.uploadAcknowledged(hash);
    };
    const workers = Array.from({ length: uploaders }, (_, index) =>
      repeat(() => upload(kept.hashes.filter((_, at) => at % uploaders === index))),
    );
    const read = async () => {
      const hash = random.of(kept.hashes);
      const check = kept.beginRead(hash);
      check(await readVersion(client, hash));
    };
    const ask = async () => {
      const checks = kept.hashes.map((hash) => kept.beginRead(hash));
      const versions = await queryVersions(client, kept.hashes);
      for (const [index, check] of checks.entries()) check(versions[index] as number);
    };
    const report = async () => {
      events.attempted++;
      const response = await client.report([{ source: "LOCAL", event: "MISS", hash: "missed" }]);
      await expectStatus(response, 200);
      events.acknowledged++;
    };
    workers.push(repeat(read), repeat(read), repeat(ask), repeat(report));
    if (adminToken === undefined) return workers;
    const admin = new TurboClient(serverUrl, adminToken);
    const purge = async () => {
      // Others do something in between.
      for (let turns = random.below(40); turns > 0; turns--) await read();
      kept.beginPurge();
      await expectStatus(await admin.send("DELETE", ""), 200);
      kept.purgeAcknowledged();
    };
    return [...workers, repeat(purge)];
  }

  const workers = teams.flatMap(workersOf);
  const ended = Promise.all(workers).then(() => {});
  // Whoever waits for it later still gets it.
  ended.catch(() => {});
  return {
    ending() {
      isEnding = true;
    },
    ended,
    answered: () => answered,
  };
}

/** Reads a team's artifacts back, checks that their bytes are whole, and that they are what its clients know of. */
export async function checkKept(serverUrl: string, { token, kept }: LoadedTeam): Promise<void> {
  const client = new TurboClient(serverUrl, token);
  const found = await Promise.all(
    kept.hashes.map(async (hash) => [hash, await readVersion(client, hash)] as const),
  );
  kept.settle(new Map(found));
}

async function readVersion(client: TurboClient, hash: string): Promise<number> {
  const response = await client.get(hash);
  const bytes = await response.bytes();
  if (response.status === 404) return absent;
  expect(response.status).toBe(200);
  const version = Number(response.headers.get("x-artifact-duration"));
  if (!Buffer.from(bytes).equals(bodyOf(hash, version))) {
    throw new Error(`${hash} says that it is version ${version}, and has other bytes (${bytes.length}).`);
  }
  return version;
}

async function queryVersions(client: TurboClient, hashes: readonly string[]): Promise<number[]> {
  const response = await client.query(hashes);
  expect(response.status).toBe(200);
  const answers = (await response.json()) as Record<string, { size: number; taskDurationMs: number } | null>;
  return hashes.map((hash) => {
    const answer = answers[hash];
    if (!answer) return absent;
    expect([hash, answer.size]).toEqual([hash, bodyOf(hash, answer.taskDurationMs).length]);
    return answer.taskDurationMs;
  });
}

function bodyOf(hash: string, version: number): Uint8Array<ArrayBuffer> {
  const content = version % differentBodies;
  const sizeBytes = sizesBytes[(content * 5 + hash.length) % sizesBytes.length] as number;
  // Every third is what other hashes and teams hold too.
  const text = content % 3 === 0 ? `shared ${content} ` : `${hash} ${content} `;
  return new Uint8Array(Buffer.alloc(sizeBytes, text));
}

async function expectStatus(response: Response, status: number): Promise<void> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`Answered ${response.status}: ${text}`);
}

function isBrokenConnection(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === "string";
}
