import { useEffect, useState } from "react";
import type { Lines } from "../api/types.ts";
import { Button } from "./button.tsx";

const shownMs = 2_000;

/** Puts a text on the clipboard, and says that it has. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [outcome, setOutcome] = useState<"Copied" | "Not allowed: select and copy it yourself">();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), shownMs);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <>
      <Button
        isSmall
        onClick={async () => {
          const isCopied = await putOnClipboard(text);
          setOutcome(isCopied ? "Copied" : "Not allowed: select and copy it yourself");
        }}
      >
        {outcome ?? "Copy"}
        {!outcome && <span className="sr-only"> {what}</span>}
      </Button>
      <span role="status" className="sr-only">
        {outcome && `${outcome}: ${what}`}
      </span>
    </>
  );
}

/** Over plain HTTP from another machine browsers give no clipboard, but still take what a selection is copied from. */
async function putOnClipboard(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Then the old way.
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "fixed opacity-0";
  // Inside an open dialog nothing outside of it can be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  const focused = document.activeElement as HTMLElement | null;
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return isCopied;
}

/** Lines to paste, with a button that takes them. */
export function CodeLines({ lines }: { lines: Lines }) {
  return (
    <div className="mt-4 first:mt-0">
      <div className="mb-1.5 flex items-center justify-between gap-3">
        <p className="min-w-0 text-sm font-semibold">{lines.title}</p>
        <Copy text={lines.text} what={lines.title} />
      </div>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse has to be able to scroll it
        tabIndex={0}
        className="overflow-x-auto rounded-lg border border-line bg-page p-3 font-mono text-[0.8125rem] leading-relaxed"
      >
        <code>{lines.text}</code>
      </pre>
    </div>
  );
}
