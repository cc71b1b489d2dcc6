const encoder = new TextEncoder();

/** Events that wait for a reader who does not read; then he is cut off, and a browser comes again by itself. */
const maxWaiting = 500;

/** Server-sent events (WHATWG HTML, 9.2) on their way to one reader. */
export class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** @param onEnd called once, whoever ended it. */
  constructor(private readonly onEnd: () => void) {
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller;
      },
      cancel: () => this.left(),
    });
  }

  event(name: string, data: unknown): void {
    // JSON has no line feeds of its own, which would end the field.
    this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Is read by nobody, and tells everybody on the way that the connection lives. */
  comment(text: string): void {
    this.send(`: ${text}\n\n`);
  }

  end(): void {
    const { controller } = this;
    if (!controller) return;
    this.left();
    controller.close();
  }

  private send(text: string): void {
    if (!this.controller) return;
    if ((this.controller.desiredSize ?? 0) < -maxWaiting) this.end();
    else this.controller.enqueue(encoder.encode(text));
  }

  private left(): void {
    if (!this.controller) return;
    this.controller = undefined;
    this.onEnd();
  }
}
