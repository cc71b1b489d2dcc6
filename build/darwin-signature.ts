/*
 * Bun signs what it compiles for Apple silicon, but leaves the runtime's own signature on what it compiles for Intel,
 * where it no longer matches (oven-sh/bun#39837). macOS may kill a program whose signature is wrong; on Intel it
 * runs one that has none.
 */

const magic64 = 0xfeedfacf;
const headerBytes = 32;
const segment64 = 0x19;
const codeSignature = 0x1d;
const pageBytes = 4096n;

/**
 * A Mach-O executable without its code signature; as it came if it has none.
 * @throws Error if it is not a 64-bit Mach-O file, or one whose signature is not its end.
 */
export function withoutSignature(executable: Uint8Array): Uint8Array {
  const stripped = executable.slice();
  const view = new DataView(stripped.buffer);
  if (stripped.length < headerBytes || view.getUint32(0, true) !== magic64) {
    throw new Error("This is no 64-bit Mach-O executable.");
  }
  const commandCount = view.getUint32(16, true);
  const commandsBytes = view.getUint32(20, true);
  const commandsEnd = headerBytes + commandsBytes;

  let linkEdit: number | undefined;
  let signature: { at: number; commandBytes: number; offset: number; sizeBytes: number } | undefined;
  for (let at = headerBytes; at < commandsEnd; at += view.getUint32(at + 4, true)) {
    const command = view.getUint32(at, true);
    if (command === segment64 && segmentName(stripped, at) === "__LINKEDIT") linkEdit = at;
    if (command === codeSignature) {
      signature = {
        at,
        commandBytes: view.getUint32(at + 4, true),
        offset: view.getUint32(at + 8, true),
        sizeBytes: view.getUint32(at + 12, true),
      };
    }
  }
  if (!signature) return stripped;
  if (linkEdit === undefined || signature.offset + signature.sizeBytes !== stripped.length) {
    throw new Error("The code signature is not at the end of the file.");
  }

  // The segment that holds the signature ends where it began.
  const fileBytes = BigInt(signature.offset) - view.getBigUint64(linkEdit + 40, true);
  view.setBigUint64(linkEdit + 48, fileBytes, true);
  view.setBigUint64(linkEdit + 32, ((fileBytes + pageBytes - 1n) / pageBytes) * pageBytes, true);

  view.setUint32(16, commandCount - 1, true);
  view.setUint32(20, commandsBytes - signature.commandBytes, true);
  stripped.copyWithin(signature.at, signature.at + signature.commandBytes, commandsEnd);
  stripped.fill(0, commandsEnd - signature.commandBytes, commandsEnd);
  return stripped.subarray(0, signature.offset);
}

function segmentName(executable: Uint8Array, at: number): string {
  return new TextDecoder().decode(executable.subarray(at + 8, at + 24)).replace(/\0+$/, "");
}
