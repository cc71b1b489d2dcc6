/** The environment of programs that are to see another time, until it is disposed of. */
export interface ShiftedClock extends AsyncDisposable {
  readonly env: Record<string, string>;
}

const variables = ["LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED"] as const;

/**
 * A program that `faketime` itself runs gets no signal that is sent to it, so what it gives to one is taken over from a
 * program that does nothing but wait.
 * @param path of `faketime`.
 * @param offset such as `+1d`.
 */
export async function shiftClock(path: string, offset: string): Promise<ShiftedClock> {
  const tell = variables.map((name) => `"$${name}"`).join(" ");
  const waiting = Bun.spawn([path, "-f", offset, "sh", "-c", `printf '%s\\n' ${tell}; exec cat`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  let told = "";
  for await (const chunk of waiting.stdout.values({ preventCancel: true })) {
    told += decoder.decode(chunk, { stream: true });
    if (told.split("\n").length > variables.length) break;
  }
  const values = told.split("\n");
  return {
    env: Object.fromEntries(variables.map((name, index) => [name, values[index] as string])),
    async [Symbol.asyncDispose]() {
      waiting.stdin.end();
      await waiting.exited;
    },
  };
}
