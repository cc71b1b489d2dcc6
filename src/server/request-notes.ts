/** What the access log says of a request besides what everybody sees of it. Never a secret. */
export class RequestNotes {
  private readonly notes = new WeakMap<Request, Record<string, unknown>>();

  add(request: Request, facts: Record<string, unknown>): void {
    this.notes.set(request, { ...this.notes.get(request), ...facts });
  }

  of(request: Request): Record<string, unknown> | undefined {
    return this.notes.get(request);
  }
}
