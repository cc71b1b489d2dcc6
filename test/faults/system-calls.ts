import { readFileSync } from "node:fs";

/** A system call that succeeded. It had begun before any other whose `begin` is greater than its `end`. */
export interface SystemCall {
  name: string;
  /** The path of the file that its first argument has open, or undefined for anything else. */
  openPath: string | undefined;
  /** Its text arguments, shortened and with C escapes: paths, or what it writes. */
  texts: string[];
  /** Places in the trace. */
  begin: number;
  end: number;
}

const traced = [
  ...["fsync", "fdatasync", "link", "linkat", "rename", "renameat", "renameat2"],
  ...["unlink", "unlinkat", "mkdir", "mkdirat"],
  ...["write", "writev", "pwrite64", "pwritev", "send", "sendto", "sendmsg"],
];

/**
 * What to put before a command so that its calls are written to a file. The command keeps its place as our child, and
 * the tracer ends after it; when standard error has ended, the file is complete.
 * @param syncDelayMs how much longer each sync is to take.
 */
export function tracingCommand(strace: string, traceFile: string, syncDelayMs = 0): string[] {
  // Long enough for a whole page of a database.
  const textLength = "4096";
  const delay = ["-e", `inject=fsync,fdatasync:delay_enter=${syncDelayMs * 1000}`];
  return [
    ...[strace, "-D", "-f", "-y", "-s", textLength, "-o", traceFile],
    ...["-e", `trace=/^(${traced.join("|")})$`],
    ...(syncDelayMs > 0 ? delay : []),
  ];
}

/** @param traceFile written by `tracingCommand`. Calls that failed or never returned are left out. */
export function readSystemCalls(traceFile: string): SystemCall[] {
  const calls: SystemCall[] = [];
  /** What other threads' lines have come between, by thread. */
  const unfinished = new Map<string, { begin: number; text: string }>();
  for (const [place, line] of readFileSync(traceFile, "latin1").split("\n").entries()) {
    const [, thread = "", resumed, text = ""] = /^(\d+) +(<\.\.\. \w+ resumed>)?(.*)$/.exec(line) ?? [];
    const before = resumed ? unfinished.get(thread) : undefined;
    const begin = before?.begin ?? place;
    const whole = (before?.text ?? "") + text;
    if (whole.endsWith(" <unfinished ...>")) {
      unfinished.set(thread, { begin, text: whole.slice(0, -" <unfinished ...>".length) });
      continue;
    }
    const [, name, args = ""] = /^(\w+)\((.*)\) += \d+(?: \(DELAYED\))?$/.exec(whole) ?? [];
    if (name === undefined) continue;
    const openPath = /^\d+<(\/[^>]*)>/.exec(args)?.[1];
    const texts = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] as string);
    calls.push({ name, openPath, texts, begin, end: place });
  }
  return calls.sort((a, b) => a.begin - b.begin);
}
