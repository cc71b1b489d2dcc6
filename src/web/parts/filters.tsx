import { type ReactNode, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { formatLocalMoment, readLocalMoment } from "../format/time.ts";
import { type Choice, SelectField, TextField } from "./field.tsx";

const waitMs = 250;
const ages: readonly Choice[] = [
  { value: "1h", label: "The last hour" },
  { value: "24h", label: "The last 24 hours" },
  { value: "7d", label: "The last 7 days" },
  { value: "30d", label: "The last 30 days" },
];
/** Years have four digits. */
const lastMoment = "9999-12-31T23:59";
const between = "between";

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

/**
 * What is typed into a filter, which counts when nothing more is typed for a moment.
 * @param written what the address has for a typed text, and `shown` the other way round.
 */
function useTyped(
  name: string,
  written: (typed: string) => string,
  shown: (wanted: string) => string,
): [text: string, type: (typed: string) => void] {
  const [params, set] = useFilters();
  const wanted = params.get(name) ?? "";
  const [text, setText] = useState(shown(wanted));
  const [followed, setFollowed] = useState(wanted);
  if (wanted !== followed) {
    // The address has changed, by what was typed or by a link.
    setFollowed(wanted);
    if (wanted !== written(text)) setText(shown(wanted));
  }
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // Of a field that is gone nothing counts any more.
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(name, written(typed)), waitMs);
  };
  return [text, type];
}

export function TextFilter({
  name,
  label,
  placeholder,
}: {
  name: string;
  label: string;
  placeholder?: string;
}) {
  const [text, type] = useTyped(
    name,
    (typed) => typed.trim(),
    (wanted) => wanted,
  );
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

/** A day and a time by the clock of the reader. */
function MomentFilter({ name, label }: { name: string; label: string }) {
  const [text, type] = useTyped(name, readLocalMoment, formatLocalMoment);
  return (
    <TextField
      className="sm:w-56"
      label={label}
      type="datetime-local"
      max={lastMoment}
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

/** Of which time, in the words of the API's `since` and `until`. */
export function SpanFilter({ label }: { label: string }) {
  const [params, set] = useFilters();
  const since = params.get("since") ?? "";
  const isMoment = formatLocalMoment(since) !== "";
  const [wantsMoments, setWantsMoments] = useState(false);
  const isBetween = wantsMoments || isMoment || params.has("until");
  const choices = [...ages, { value: between, label: "Between two times" }];
  const isKnown = isMoment || ["", ...ages.map(({ value }) => value)].includes(since);
  return (
    <>
      <SelectField
        className="sm:w-44"
        label={label}
        value={isBetween ? between : since}
        onChange={({ target }) => {
          const isChosen = target.value === between;
          setWantsMoments(isChosen);
          set("since", isChosen ? "" : target.value);
          set("until", "");
        }}
        choices={[
          { value: "", label: "Any time" },
          ...(isKnown ? choices : [...choices, { value: since, label: since }]),
        ]}
      />
      {isBetween && (
        <>
          <MomentFilter name="since" label="Since" />
          <MomentFilter name="until" label="Until" />
        </>
      )}
    </>
  );
}
