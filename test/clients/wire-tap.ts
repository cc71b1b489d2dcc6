/** One request of a client and what it was answered. */
export interface Exchange {
  method: string;
  path: string;
  /** With the question mark. */
  query: string;
  requestHeaders: Headers;
  status: number;
  responseHeaders: Headers;
}

/**
 * Stands between a client and larder, passes everything on, and remembers it. Bodies are streamed, so a length that the
 * client announced may arrive chunked: where that matters, connect the client directly.
 */
export class WireTap implements AsyncDisposable {
  readonly exchanges: Exchange[] = [];
  private readonly server: Bun.Server<undefined>;
  private readonly waiting = new Set<(exchange: Exchange) => void>();

  constructor(private readonly target: string) {
    this.server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 60,
      fetch: (request) => this.pass(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  of(method: string): Exchange[] {
    return this.exchanges.filter((exchange) => exchange.method === method);
  }

  /** Resolves with the first exchange that matches, past ones included. */
  until(matches: (exchange: Exchange) => boolean): Promise<Exchange> {
    const past = this.exchanges.find(matches);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => {
      const look = (exchange: Exchange) => {
        if (!matches(exchange)) return;
        this.waiting.delete(look);
        resolve(exchange);
      };
      this.waiting.add(look);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop(true);
  }

  private async pass(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    const response = await fetch(this.target + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      decompress: false,
    }).catch(() => undefined);
    // The server behind has gone, as it does in tests that end it.
    if (!response) return new Response(null, { status: 502 });
    const exchange = {
      method: request.method,
      path: pathname,
      query: search,
      requestHeaders: request.headers,
      status: response.status,
      responseHeaders: response.headers,
    };
    this.exchanges.push(exchange);
    for (const look of [...this.waiting]) look(exchange);
    return new Response(response.body, { status: response.status, headers: response.headers });
  }
}
