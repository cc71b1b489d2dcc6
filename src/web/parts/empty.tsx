import type { ReactNode } from "react";

/** Stands where a list is empty, and says what to do first. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-5 py-10 text-center">
      <svg viewBox="0 0 32 32" className="size-10 text-edge" aria-hidden="true">
        <rect x="4" y="3" width="24" height="26" rx="4" fill="none" stroke="currentColor" strokeWidth="1.6" />
        <path d="M4 12h24M4 20.5h24" stroke="currentColor" strokeWidth="1.6" />
      </svg>
      <p className="font-semibold">{title}</p>
      <div className="max-w-prose text-soft">{children}</div>
    </div>
  );
}
