/** Holds a build task where it stands until the test lets it go on. */
export class Gate implements AsyncDisposable {
  /** Resolves when the task has come to the gate. */
  readonly reached: Promise<void>;
  private readonly server: Bun.Server<undefined>;
  private readonly opened = Promise.withResolvers<void>();

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise;
    this.server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: async () => {
        resolve();
        await this.opened.promise;
        return new Response("go on");
      },
    });
  }

  /** The shell line with which a task waits. */
  get script(): string {
    return `bun -e "await fetch('http://127.0.0.1:${this.server.port}')"`;
  }

  open(): void {
    this.opened.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    await this.server.stop(true);
  }
}
