import { type ReactNode, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { type Choice, SelectField, TextField } from "./field.tsx";

const waitMs = 250;
const sinceChoices: readonly Choice[] = [
  { value: "1h", label: "Hour" },
  { value: "24h", label: "24 hours" },
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
];

/**
 * What narrows a list down; what is empty does not. Stands in the address, so that a link shows the same, and one comes back to
 * it.
 */
export function useFilters(): [URLSearchParams, (name: string, value: string) => void] {
  const [params, setParams] = useSearchParams();
  const given = new URLSearchParams([...params].filter(([, value]) => value !== ""));
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        const changed = new URLSearchParams(before);
        if (value === "") changed.delete(name);
        else changed.set(name, value);
        return changed;
      },
      { replace: true },
    );
  return [given, set];
}

export function Filters({ children }: { children: ReactNode }) {
  return (
    <search className="grid grid-cols-1 gap-3 p-4 min-[26rem]:grid-cols-2 sm:flex sm:flex-wrap sm:items-end sm:px-5">
      {children}
    </search>
  );
}

/** Searches when nothing more is typed for a moment. */
export function TextFilter({
  name,
  label,
  placeholder,
}: {
  name: string;
  label: string;
  placeholder?: string;
}) {
  const [params, set] = useFilters();
  const wanted = params.get(name) ?? "";
  const [text, setText] = useState(wanted);
  const [followed, setFollowed] = useState(wanted);
  if (wanted !== followed) {
    // The address has changed, by what was typed or by a link.
    setFollowed(wanted);
    if (wanted !== text.trim()) setText(wanted);
  }
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const type = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(name, typed.trim()), waitMs);
  };
  return (
    <TextField
      className="sm:w-56"
      label={label}
      type="search"
      {...(placeholder !== undefined && { placeholder })}
      spellCheck={false}
      value={text}
      onChange={({ target }) => type(target.value)}
    />
  );
}

export function ChoiceFilter({
  name,
  label,
  all,
  choices,
}: {
  name: string;
  label: string;
  /** What stands for no choice. */
  all: string;
  choices: readonly Choice[];
}) {
  const [params, set] = useFilters();
  return (
    <SelectField
      className="sm:w-44"
      label={label}
      value={params.get(name) ?? ""}
      onChange={({ target }) => set(name, target.value)}
      choices={[{ value: "", label: all }, ...choices]}
    />
  );
}

/** Only what is no older than some time, in the words of the API's `since`. */
export function SinceFilter({ label }: { label: string }) {
  return <ChoiceFilter name="since" label={label} all="Any time" choices={sinceChoices} />;
}
