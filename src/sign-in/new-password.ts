import { type Html, html } from "../http/html.ts";
import { checkPassword, passwordRule } from "../identity/password.ts";
import { Refusal } from "../refusal.ts";
import { field } from "./field.ts";

/** What is wrong with which field of a form, by its name. */
export type FieldErrors = Partial<Record<string, string>>;

/** The field that the reader should begin with: of those in this order the first with something wrong, or else `otherwise`. */
export function firstWrong(
  errors: FieldErrors,
  order: readonly string[],
  otherwise?: string,
): string | undefined {
  return order.find((name) => errors[name] !== undefined) ?? otherwise;
}

/**
 * The two fields in which a new password is typed, twice since nobody sees it.
 * @param focused the name of the field that the reader begins with.
 */
export function newPasswordFields(errors: FieldErrors, focused?: string): Html {
  return html`${field({
    name: "password",
    label: "New password",
    type: "password",
    autocomplete: "new-password",
    hint: passwordRule,
    error: errors.password,
    autofocus: focused === "password",
  })}${field({
    name: "repeated",
    label: "New password, once more",
    type: "password",
    autocomplete: "new-password",
    error: errors.repeated,
    autofocus: focused === "repeated",
  })}`;
}

/** What is wrong with what was typed there. @param email of the user who chooses it. */
export function newPasswordErrors(form: URLSearchParams, email: string): FieldErrors {
  const password = form.get("password") ?? "";
  const message = refusalOf(() => checkPassword(password, email));
  if (message !== undefined) return { password: message };
  return password === form.get("repeated") ? {} : { repeated: "This is not the same password." };
}

/** The words with which a check refuses, if it does. */
export function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}
