import { Elysia } from "elysia";
import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";
import { errorAnswer, refusalAnswer } from "./answer.ts";
import { dropBody } from "./refused-body.ts";

/** Turns whatever a route throws into an answer. Only what is a fault of ours is logged as an error. */
export function errors({ log }: { log: Logger }) {
  return new Elysia({ name: "errors" }).onError({ as: "global" }, async ({ code, error, request }) => {
    const answer = answerTo(code, error, request, log);
    if (!(await dropBody(request))) answer.headers.set("connection", "close");
    return answer;
  });
}

function answerTo(code: string | number, error: unknown, request: Request, log: Logger): Response {
  if (error instanceof Refusal) return refusalAnswer(error);
  if (code === "NOT_FOUND") {
    const { pathname } = new URL(request.url);
    return errorAnswer(
      404,
      "not_found",
      `There is no ${request.method} ${pathname} here. Point TURBO_API at this server's address alone; clients add /v8/artifacts themselves.`,
    );
  }
  log.error({ err: error, method: request.method, path: new URL(request.url).pathname }, "request failed");
  return errorAnswer(500, "internal_error", "Something went wrong in larder; its log says what.");
}
