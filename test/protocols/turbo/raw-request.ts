import { expect } from "bun:test";
import type { RunningLarder } from "../../larder.ts";
import { type Holdings, holdingsOf } from "../../server/holdings.ts";
import { type RawAnswer, RawConnection } from "../../server/raw-connection.ts";
import { until } from "../../server/until.ts";

export interface RawRequest {
  method?: string;
  /** Below `/v8`. */
  path?: string;
  /** Besides Host and Authorization. */
  headers?: string[];
  body?: string;
}

/** Sends a request byte for byte, and expects that the server keeps nothing of it. */
export async function sendInVain(
  larder: RunningLarder,
  before: Holdings,
  { method = "PUT", path = "/artifacts/bad", headers = [], body = "" }: RawRequest,
): Promise<RawAnswer> {
  using connection = await RawConnection.open(larder.url);
  const head = [
    `${method} /v8${path} HTTP/1.1`,
    "Host: cache.test",
    `Authorization: Bearer ${larder.firstToken}`,
    ...headers,
  ];
  await connection.send(`${head.join("\r\n")}\r\n\r\n`);
  await connection.send(body);
  const answer = await connection.answer({ hasBody: method !== "HEAD" });
  // The HTTP parser answers by itself, while the upload behind it is still being cleared away.
  const isCleared = () => holdingsOf(larder.dataFolder).temporaryFiles.length === 0;
  await until(larder.url, isCleared);
  expect(holdingsOf(larder.dataFolder)).toEqual(before);
  return answer;
}

/** A refusal of larder's own, in both published shapes. */
export function expectRefused(answer: RawAnswer, status: number, code: string): string {
  const text = answer.body.toString();
  expect([answer.status, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  const body = JSON.parse(text);
  expect(body).toEqual({ code, message: body.message, error: { code, message: body.message } });
  return body.message;
}
