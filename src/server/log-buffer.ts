import { pino } from "pino";

/** What is gathered before it is written. A thread writes it, and waking one costs as much as making ten lines. */
const chunkLength = 32 * 1024;
const flushEveryMs = 500;
/** What nobody reads is dropped beyond this, rather than kept in memory. */
const maxWaitingBytes = 8 * 1024 * 1024;

/** Where log lines wait for a moment, so that no request waits for one. What is left is written when the process ends. */
export class LogBuffer {
  private gathered = "";
  private readonly destination: ReturnType<typeof pino.destination>;

  constructor(fileDescriptor: number) {
    this.destination = pino.destination({ dest: fileDescriptor, sync: false, maxLength: maxWaitingBytes });
    setInterval(() => this.handOver(), flushEveryMs).unref();
    process.on("exit", () => this.flushSync());
  }

  write(line: string): void {
    this.gathered += line;
    if (this.gathered.length >= chunkLength) this.handOver();
  }

  /** Also called by the logger before it reports what ends the process. */
  flushSync(): void {
    this.handOver();
    this.destination.flushSync();
  }

  private handOver(): void {
    if (this.gathered === "") return;
    this.destination.write(this.gathered);
    this.gathered = "";
  }
}
