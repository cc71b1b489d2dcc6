import { createHmac, type Hmac, timingSafeEqual } from "node:crypto";

/** Which form of signature a tag has: turbo's own name for the one since 2.9.18, and what it wrote before. */
export type SignatureVersion = "v2" | "v1";

/** turbo (2.8 and later) warns of keys that are shorter. */
export const minKeyBytes = 32;

export interface SignedArtifact {
  hash: string;
  tag: string;
  sizeBytes: number;
}

/**
 * The version of the signature that a tag is, or undefined if it is none of these bytes under this key. turbo signs with the
 * team's id where one is configured, and with an empty one else, so whoever checks has to try both.
 * @param body all of the artifact's bytes, a part at a time.
 */
export async function verifySignature(
  { hash, tag, sizeBytes }: SignedArtifact,
  body: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  teamId: string,
): Promise<SignatureVersion | undefined> {
  const candidates = ["", teamId].flatMap((id) => [
    { version: "v2" as const, hmac: startV2(key, hash, id, sizeBytes) },
    { version: "v1" as const, hmac: createHmac("sha256", key).update(hash).update(id) },
  ]);
  for await (const chunk of body) for (const { hmac } of candidates) hmac.update(chunk);
  const given = Buffer.from(tag);
  let found: SignatureVersion | undefined;
  for (const { version, hmac } of candidates) {
    // Compared as text, since another spelling of the same bits is no tag to turbo either (2.11.11 wants the padding).
    const expected = Buffer.from(hmac.digest("base64"));
    if (given.byteLength === expected.byteLength && timingSafeEqual(given, expected)) found ??= version;
  }
  return found;
}

/** Every field with its length before it, so that no two sets of fields run together into the same bytes. */
function startV2(key: Uint8Array, hash: string, teamId: string, sizeBytes: number): Hmac {
  const hmac = createHmac("sha256", key);
  for (const field of ["artifact-signature:v2", hash, teamId]) {
    const bytes = Buffer.from(field);
    hmac.update(lengthOf(bytes.byteLength)).update(bytes);
  }
  return hmac.update(lengthOf(sizeBytes));
}

function lengthOf(sizeBytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(sizeBytes));
  return length;
}
