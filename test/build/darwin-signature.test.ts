import { expect, test } from "bun:test";
import { withoutSignature } from "../../build/darwin-signature.ts";

const pageBytes = 4096;
const linkEditAt = 2 * pageBytes;
const signatureAt = linkEditAt + 100;
const signatureBytes = 60;

/** An executable of two segments and a signature, laid out as the linker does. */
function executable({ signed = true, trailing = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(signatureAt + signatureBytes + trailing).fill(0xab);
  bytes.fill(0, 0, pageBytes);
  const view = new DataView(bytes.buffer);
  const commands = [
    segment("__TEXT", 0, linkEditAt),
    segment("__LINKEDIT", linkEditAt, 100 + signatureBytes),
    ...(signed ? [words(0x1d, 16, signatureAt, signatureBytes)] : []),
    words(0x26, 16, linkEditAt, 8),
  ];
  bytes.set(words(0xfeedfacf, 0, 0, 2, commands.length, commands.flatMap((each) => [...each]).length), 0);
  let at = 32;
  for (const command of commands) {
    bytes.set(command, at);
    at += command.length;
  }
  expect(view.getUint32(20, true)).toBe(at - 32);
  return bytes;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

function segment(name: string, offset: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  bytes.set(words(0x19, bytes.length));
  bytes.set(new TextEncoder().encode(name), 8);
  view.setBigUint64(32, BigInt(Math.ceil(sizeBytes / pageBytes) * pageBytes), true);
  view.setBigUint64(40, BigInt(offset), true);
  view.setBigUint64(48, BigInt(sizeBytes), true);
  return bytes;
}

test("what is left is the executable as if it had never been signed", () => {
  const stripped = withoutSignature(executable());
  const unsigned = executable({ signed: false }).slice(0, signatureAt);
  new DataView(unsigned.buffer).setBigUint64(32 + 72 + 48, 100n, true);
  expect(Buffer.from(stripped).equals(unsigned)).toBe(true);
});

test("an executable that is not signed stays as it is", () => {
  expect(withoutSignature(executable({ signed: false }))).toEqual(executable({ signed: false }));
});

test("what it was given is not changed", () => {
  const given = executable();
  withoutSignature(given);
  expect(given).toEqual(executable());
});

test("another kind of file is refused", () => {
  expect(() => withoutSignature(new TextEncoder().encode("\x7fELF".padEnd(64)))).toThrow("no 64-bit Mach-O");
  expect(() => withoutSignature(new Uint8Array(3))).toThrow("no 64-bit Mach-O");
});

test("bytes behind the signature are refused, for cutting it off would lose them", () => {
  expect(() => withoutSignature(executable({ trailing: 1 }))).toThrow("not at the end");
});
