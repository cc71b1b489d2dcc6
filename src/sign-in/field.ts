import { type Html, html } from "../http/html.ts";

export interface FieldOptions {
  name: string;
  label: string;
  /** `text`, if not said. */
  type?: "text" | "email" | "password";
  value?: string;
  /** What the browser may fill in, in the words of HTML. */
  autocomplete: string;
  hint?: string;
  /** Why what was sent cannot be. */
  error?: string | undefined;
  /** The id of a text elsewhere that tells more, such as what is wrong with the whole form. */
  describedBy?: string | undefined;
  autofocus?: boolean;
}

/** One field of a form with its label, and what there is to say of it tied to it. Each has to be filled in. */
export function field({
  name,
  label,
  type = "text",
  value = "",
  autocomplete,
  hint,
  error,
  describedBy,
  autofocus = false,
}: FieldOptions): Html {
  const described = [error && `${name}-error`, hint && `${name}-hint`, describedBy].filter(Boolean).join(" ");
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required${
    type !== "text" && html` autocapitalize="none" spellcheck="false"`
  }${described !== "" && html` aria-describedby="${described}"`}${
    (error !== undefined || describedBy !== undefined) && html` aria-invalid="true"`
  }${autofocus && html` autofocus`}>
${error && html`<p class="error" id="${name}-error">${error}</p>`}
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
</div>
`;
}

/** What is wrong with a whole form, read out as soon as the page is there. */
export function formError(message: string | undefined): Html | undefined {
  return message === undefined
    ? undefined
    : html`<p class="notice bad" role="alert" id="form-error">${message}</p>`;
}

/** Fields that nobody sees. */
export function hiddenField(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

/** Password managers look for the name to which a password belongs. */
export function hiddenUsername(email: string): Html {
  return html`<input type="text" name="username" value="${email}" autocomplete="username" hidden>`;
}
