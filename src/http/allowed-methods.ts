import { Elysia } from "elysia";
import { Refusal } from "../refusal.ts";
import { refusalAnswer } from "./answer.ts";
import { dropBody } from "./refused-body.ts";

const methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof methods)[number];

/**
 * Answers 405 with `Allow` (RFC 9110, 15.5.6) to every method of a path but those given. Each method is named, so that
 * `/artifacts/status` is never taken for an artifact called `status`.
 */
export function onlyMethods(path: string, ...allowed: Method[]) {
  return refuseOthers(path, allowed, async (request, refusal) => {
    const answer = refusalAnswer(refusal);
    if (!(await dropBody(request))) answer.headers.set("connection", "close");
    return answer;
  });
}

/** The same where refusals have a form of their own, such as a page. */
export function refuseOthers(
  path: string,
  allowed: readonly Method[],
  answerTo: (request: Request, refusal: Refusal) => Promise<Response>,
) {
  const allow = allowed.join(", ");
  const refuse = async ({ request }: { request: Request }) => {
    const message = `${request.method} is not allowed here. Use ${allow}.`;
    const answer = await answerTo(request, new Refusal("method_not_allowed", message));
    answer.headers.set("allow", allow);
    return answer;
  };
  const routes = new Elysia();
  for (const method of methods) {
    if (!allowed.includes(method)) routes.route(method, path, refuse, { parse: "none" });
  }
  return routes.all(path, refuse, { parse: "none" });
}
