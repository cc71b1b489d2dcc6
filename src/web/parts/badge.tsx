import type { ReactNode } from "react";

const tones = {
  plain: "border-line bg-raised text-ink",
  good: "border-transparent bg-good-page text-good",
  warn: "border-transparent bg-warn-page text-warn",
  bad: "border-transparent bg-bad-page text-bad",
};

export type Tone = keyof typeof tones;

/** A word or two about a thing, such as its state. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={`inline-block rounded-full border px-2 py-px text-xs font-medium whitespace-nowrap ${tones[tone]}`}
    >
      {children}
    </span>
  );
}
