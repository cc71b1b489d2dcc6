import { roundSize, roundTime } from "../units.ts";
import { countOf, type Notice } from "./notice.ts";
import type { NoticeFacts } from "./notice-facts.ts";

const dayMs = 86_400_000;
/** What was used within a day is what today's builds share. */
const youngMs = dayMs;
/** Rotten bytes are to be found while whoever can make them again still has what they were made from. */
const verifyWithinMs = 30 * dayMs;

/** What is wrong with the room and the bytes. */
export function storageNotices(facts: NoticeFacts): Notice[] {
  return [...diskNotices(facts), ...evictionNotices(facts), ...damageNotices(facts), ...verifyNotices(facts)];
}

function diskNotices({ cache, server }: NoticeFacts): Notice[] {
  const { freeBytes, minFreeBytes, maxSizeBytes, storedBytes } = cache;
  if (freeBytes === undefined) {
    // A command may come before the first start, which makes the folder that is looked for.
    if (!server && storedBytes === 0) return [];
    return [
      {
        code: "disk_unknown",
        severity: "critical",
        title: "The disk does not answer",
        message: "The server cannot find out how much is free on the disk of its data folder.",
        remedy: "See that the disk of the setting `data` is there, and what the server's log says.",
      },
    ];
  }
  if (freeBytes < minFreeBytes) {
    return [
      {
        code: "disk_full",
        severity: "critical",
        title: "The disk is full",
        message: `Uploads are refused: ${roundSize(freeBytes)} are free, and ${roundSize(minFreeBytes)} are to stay so (minFree).`,
        remedy: diskFullRemedy(minFreeBytes - freeBytes, storedBytes),
      },
    ];
  }
  const usableBytes = freeBytes - minFreeBytes;
  const mayGrowBytes = Math.max(0, (maxSizeBytes ?? Number.POSITIVE_INFINITY) - storedBytes);
  if (mayGrowBytes <= usableBytes) return [];
  if (usableBytes < minFreeBytes / 2) {
    return [
      {
        code: "disk_nearly_full",
        severity: "warning",
        title: "The disk is nearly full",
        message: `${roundSize(usableBytes)} more, and uploads are refused: ${roundSize(freeBytes)} are free, and ${roundSize(minFreeBytes)} are to stay so (minFree).`,
        remedy: "Free some space on the disk, or lower `maxSize`, so that larder makes room by itself.",
      },
    ];
  }
  if (maxSizeBytes === undefined) return [];
  return [
    {
      code: "disk_too_small",
      severity: "warning",
      title: "The disk has less room than the limit allows",
      message: `larder may store ${roundSize(mayGrowBytes)} more (maxSize is ${roundSize(maxSizeBytes)}), and the disk has ${roundSize(usableBytes)} for it. Uploads will be refused before larder begins to make room.`,
      remedy: `Free some space on the disk, or set \`maxSize\` to less than ${roundSize(storedBytes + usableBytes)}.`,
    },
  ];
}

function diskFullRemedy(missingBytes: number, storedBytes: number): string {
  const stored = `larder has stored ${roundSize(storedBytes)}`;
  return storedBytes > missingBytes
    ? `Free ${roundSize(missingBytes)} on the disk, or lower \`maxSize\` to ${roundSize(storedBytes - missingBytes)}: ${stored}, and makes room by itself.`
    : `Free ${roundSize(missingBytes)} of what others have on the disk (${stored} only), or give larder another disk (\`data\`).`;
}

function evictionNotices({ cache }: NoticeFacts): Notice[] {
  const youngestMs = cache.youngestEvicted.trusted.dayMs;
  if (youngestMs === undefined || youngestMs >= youngMs || cache.maxSizeBytes === undefined) return [];
  return [
    {
      code: "cache_too_small",
      severity: "warning",
      title: "The cache is too small",
      message: `To make room, artifacts went in the last 24 hours that had been used ${roundTime(youngestMs)} before. ${roundSize(cache.storedBytes)} of ${roundSize(cache.maxSizeBytes)} are in use (maxSize).`,
      remedy:
        "Raise `maxSize`, or see with `larder du` which team fills it and give it a quota with `larder team set SLUG --quota SIZE`.",
    },
  ];
}

function damageNotices({ cache }: NoticeFacts): Notice[] {
  const { quarantinedBlobs } = cache;
  if (quarantinedBlobs === 0) return [];
  return [
    {
      code: "blobs_damaged",
      severity: "warning",
      title: "Stored bytes were lost or changed",
      message: `${countOf(quarantinedBlobs, "blob")} had missing or wrong bytes. Nobody gets them: builds miss what they held, and the next upload of the same bytes mends it.`,
      remedy:
        "Check the disk. `larder audit --kind blob` says which they were and when; `larder verify` reads all that is stored now.",
    },
  ];
}

function verifyNotices({ cache, server, now }: NoticeFacts): Notice[] {
  if (!server) return [];
  const { verifyRate } = server.settings;
  if (verifyRate === undefined) {
    return [
      {
        code: "verify_off",
        severity: "info",
        title: "Stored bytes are not read again",
        message: "The server does not look for rotten bytes (verifyRate is none), so a build may get some.",
        remedy: "Set `verifyRate`, such as to 10MiB a second, or run `larder verify` now and then.",
      },
    ];
  }
  const roundMs = (cache.storedBytes / verifyRate) * 1_000;
  if (roundMs > verifyWithinMs) {
    return [
      {
        code: "verify_slow",
        severity: "warning",
        title: "Stored bytes are read again too seldom",
        message: `To read all ${roundSize(cache.storedBytes)} at ${roundSize(verifyRate)} a second takes ${roundTime(roundMs)}.`,
        remedy: `Raise \`verifyRate\` to ${roundSize(Math.ceil(cache.storedBytes / (verifyWithinMs / 2_000)))} or more, or run \`larder verify\` now and then.`,
      },
    ];
  }
  const sinceMs = now - (cache.verify.completedAt ?? server.startedAt);
  if (sinceMs <= Math.max(7 * dayMs, 2 * roundMs)) return [];
  return [
    {
      code: "verify_overdue",
      severity: "warning",
      title: "Stored bytes have not been read for long",
      message: `All that is stored was not read to the end for ${roundTime(sinceMs)}, though that should take ${roundTime(roundMs)}.`,
      remedy:
        "The server's log says why verification ends early (`logLevel`). `larder verify` reads all now.",
    },
  ];
}
