/**
 * Lets one test at a time have something of which the machine has one, such as a fixed port: others wait, in this process and
 * in others. A process that ends gives its turn back.
 * @param port stands for the thing. Nothing else may listen on it.
 */
export async function takeTurn(port: number): Promise<Disposable> {
  for (;;) {
    try {
      const held = Bun.listen({ hostname: "127.0.0.1", port, exclusive: true, socket: { data() {} } });
      return { [Symbol.dispose]: () => held.stop(true) };
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
      await connectionEnds(port);
    }
  }
}

/** Whoever has the turn keeps the connections of those who wait, and closes them all when it is over. */
function connectionEnds(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = { data() {}, close: () => resolve(), error: () => resolve(), connectError: () => resolve() };
  Bun.connect({ hostname: "127.0.0.1", port, socket }).catch(() => resolve());
  return promise;
}
