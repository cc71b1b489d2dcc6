import { ParseError, ValidationError } from "elysia";
import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";
import { type Dialect, errorAnswer, refusalAnswer } from "./answer.ts";
import { dropBody } from "./refused-body.ts";
import { validationRefusal } from "./validation.ts";

export interface ErrorOptions {
  log: Logger;
  /** Told why a request is refused, for the access log. */
  onRefusal: (request: Request, refusal: Refusal) => void;
  /** What to say where there is no route. */
  noRouteHint: string;
}

/** What turns whatever a route throws into an answer, in the protocol's own words. */
export type ErrorHandler = (dialect?: Dialect) => (thrown: Thrown) => Promise<Response>;

interface Thrown {
  code: string | number;
  error: unknown;
  request: Request;
}

/** Only what is a fault of ours is logged as an error. */
export function errorHandler({ log, onRefusal, noRouteHint }: ErrorOptions): ErrorHandler {
  return (dialect) =>
    async ({ code, error: thrown, request }) => {
      // Elysia wraps what a hook throws while it reads the body.
      const error = thrown instanceof ParseError ? thrown.cause : thrown;
      const answer = answerTo(code, error, request, dialect);
      if (!(await dropBody(request))) answer.headers.set("connection", "close");
      return answer;
    };

  function answerTo(
    code: string | number,
    error: unknown,
    request: Request,
    dialect: Dialect | undefined,
  ): Response {
    if (error instanceof Refusal) {
      onRefusal(request, error);
      return refusalAnswer(error, dialect);
    }
    if (error instanceof ValidationError && error.type !== "response") {
      const refusal = validationRefusal(error);
      onRefusal(request, refusal);
      return refusalAnswer(refusal, dialect);
    }
    const { pathname } = new URL(request.url);
    if (code === "NOT_FOUND") {
      return errorAnswer(404, "not_found", `There is no ${request.method} ${pathname} here. ${noRouteHint}`);
    }
    log.error({ err: error, method: request.method, path: pathname }, "request failed");
    return errorAnswer(500, "internal_error", "Something went wrong in larder; its log says what.");
  }
}
