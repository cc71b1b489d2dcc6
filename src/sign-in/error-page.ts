import { type Method, refuseOthers } from "../http/allowed-methods.ts";
import { html } from "../http/html.ts";
import { page } from "../http/page.ts";

export interface Thrown {
  code: string | number;
  error: unknown;
  request: Request;
}

/** Turns what a route throws into an answer in JSON, and logs it. */
export type JsonErrors = (thrown: Thrown) => Promise<Response>;

/** The same as a page, for people. */
export type PageErrors = (thrown: Thrown) => Promise<Response>;

/** Statuses whose title says more than that something went wrong. */
const titles: Record<number, string> = {
  403: "Not allowed",
  404: "There is no such page",
  405: "Not that way",
  429: "Too many attempts",
  500: "Something went wrong",
};

/** Of the answer for programs, people get the status and the message. */
export function pageErrors(jsonErrors: JsonErrors): PageErrors {
  return async (thrown) => {
    const answer = await jsonErrors(thrown);
    const { message } = (await answer.json()) as { message: string };
    const headers = new Headers(answer.headers);
    headers.delete("content-type");
    const title = titles[answer.status] ?? "This did not work";
    return page({
      title,
      status: answer.status,
      headers,
      body: html`<h1>${title}</h1><p>${message}</p>`,
    });
  };
}

/** Answers 405, as a page, to every method of a page but those given. */
export function onlyPageMethods(path: string, errors: PageErrors, ...allowed: Method[]) {
  return refuseOthers(path, allowed, (request, error) => errors({ code: error.code, error, request }));
}
