import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";

interface Labelled {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
}

/** A field with its label, what helps to fill it in, and what is wrong with what it holds. */
export function TextField({
  label,
  hint,
  error,
  className = "",
  ...rest
}: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-sm font-semibold">
        {label}
      </label>
      <input
        type="text"
        autoComplete="off"
        {...rest}
        id={id}
        className="input"
        aria-invalid={error !== undefined || undefined}
        aria-describedby={hint || error ? `${id}-hint` : undefined}
      />
      <Hint id={id} hint={hint} error={error} />
    </div>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function SelectField({
  label,
  hint,
  error,
  choices,
  className = "",
  ...rest
}: Labelled & { choices: readonly Choice[] } & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-sm font-semibold">
        {label}
      </label>
      <select {...rest} id={id} className="input" aria-describedby={hint || error ? `${id}-hint` : undefined}>
        {choices.map(({ value, label: text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Hint id={id} hint={hint} error={error} />
    </div>
  );
}

export function CheckField({ label, hint, ...rest }: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div>
      <div className="flex items-start gap-2.5">
        <input
          {...rest}
          type="checkbox"
          id={id}
          className="mt-0.5 size-5 flex-none accent-(--accent)"
          aria-describedby={hint ? `${id}-hint` : undefined}
        />
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
      </div>
      <div className="pl-7.5">
        <Hint id={id} hint={hint} error={undefined} />
      </div>
    </div>
  );
}

function Hint({ id, hint, error }: { id: string; hint: ReactNode; error: string | undefined }) {
  if (!hint && !error) return null;
  return (
    <div id={`${id}-hint`} className="mt-1 text-sm">
      {error && <p className="font-medium text-bad">{error}</p>}
      {hint && <p className="text-soft">{hint}</p>}
    </div>
  );
}
