import { writeSync } from "node:fs";
import { pino } from "pino";

/** What is gathered before it is written. A thread writes it, and waking one costs as much as making ten lines. */
const chunkLength = 32 * 1024;
const flushEveryMs = 500;
/** What nobody reads is dropped beyond this, rather than kept in memory. */
const maxWaitingBytes = 8 * 1024 * 1024;

/** How long the end of the process waits for somebody who reads. */
const maxBlockedMs = 1_000;
const blockedPollMs = 5;

/** Where log lines wait for a moment, so that no request waits for one. What is left is written when the process ends. */
export class LogBuffer {
  private gathered = "";
  private readonly destination: ReturnType<typeof pino.destination>;

  constructor(private readonly fileDescriptor: number) {
    this.destination = pino.destination({ dest: fileDescriptor, sync: false, maxLength: maxWaitingBytes });
    setInterval(() => this.handOver(), flushEveryMs).unref();
    process.on("exit", () => this.flushSync());
  }

  write(line: string): void {
    this.gathered += line;
    if (this.gathered.length >= chunkLength) this.handOver();
  }

  /**
   * Also called by the logger before it reports what ends the process. The last lines do not go through the destination,
   * which would begin to write them in another thread and not live to see the end.
   */
  flushSync(): void {
    this.destination.flushSync();
    writeWhole(this.fileDescriptor, Buffer.from(this.gathered));
    this.gathered = "";
  }

  private handOver(): void {
    if (this.gathered === "") return;
    this.destination.write(this.gathered);
    this.gathered = "";
  }
}

function writeWhole(fileDescriptor: number, bytes: Uint8Array): void {
  const deadline = performance.now() + maxBlockedMs;
  for (let done = 0; done < bytes.byteLength; ) {
    try {
      done += writeSync(fileDescriptor, bytes, done);
    } catch (error) {
      // Nobody reads, for now (EAGAIN) or any more (EPIPE).
      if ((error as { code?: string }).code !== "EAGAIN" || performance.now() > deadline) return;
      Bun.sleepSync(blockedPollMs);
    }
  }
}
