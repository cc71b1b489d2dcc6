import { Elysia } from "elysia";
import { Refusal } from "../refusal.ts";
import { refusalAnswer } from "./answer.ts";
import { dropBody } from "./refused-body.ts";

const methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"] as const;
type Method = (typeof methods)[number];

/**
 * Answers 405 with `Allow` (RFC 9110, 15.5.6) to every method of a path but those given. Each method is named, so that
 * `/artifacts/status` is never taken for an artifact called `status`.
 */
export function onlyMethods(path: string, ...allowed: Method[]) {
  const allow = allowed.join(", ");
  const refuse = async ({ request }: { request: Request }) => {
    const refusal = new Refusal("method_not_allowed", `${request.method} is not allowed here. Use ${allow}.`);
    const answer = refusalAnswer(refusal, {}, { allow });
    if (!(await dropBody(request))) answer.headers.set("connection", "close");
    return answer;
  };
  const routes = new Elysia();
  for (const method of methods) {
    if (!allowed.includes(method)) routes.route(method, path, refuse, { parse: "none" });
  }
  return routes.all(path, refuse, { parse: "none" });
}
