/**
 * Resolves with the first signal that asks the process to end. A second one ends it at once, for whoever does not want to
 * wait for the transfers under way.
 */
export function firstSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
      asked = true;
      resolve(signal);
    });
  }
  return promise;
}
