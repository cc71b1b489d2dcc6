import { type ReactNode, useEffect } from "react";

/** What a page begins with. It is also what the browser's tab says. */
export function PageTitle({
  title,
  intro,
  children,
}: {
  title: string;
  intro?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · larder`;
  }, [title]);
  return (
    <div className="mb-5 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0 flex-1 basis-72">
        <h1 className="text-2xl font-bold [overflow-wrap:anywhere]">{title}</h1>
        {intro && <p className="mt-1 max-w-prose text-pretty text-soft">{intro}</p>}
      </div>
      {children && <div className="flex flex-wrap items-center gap-2">{children}</div>}
    </div>
  );
}

/** A part of a page on a ground of its own. @param isFlush its content reaches to its edges, as a table does. */
export function Card({
  title,
  intro,
  side,
  isFlush = false,
  children,
}: {
  title?: string;
  intro?: ReactNode;
  side?: ReactNode;
  isFlush?: boolean;
  children: ReactNode;
}) {
  return (
    <section className="mb-5 min-w-0 rounded-xl border border-line bg-card shadow-[0_1px_2px_#0000000d]">
      {title && (
        <div
          className={`flex items-start justify-between gap-x-4 px-4 pt-4 sm:px-5 ${isFlush ? "pb-3" : ""}`}
        >
          <div className="min-w-0">
            <h2 className="text-base font-semibold">{title}</h2>
            {intro && <p className="max-w-prose text-sm text-soft">{intro}</p>}
          </div>
          {side && <div className="-mt-1 -mr-2 flex-none">{side}</div>}
        </div>
      )}
      <div className={isFlush ? "" : `px-4 pb-4 sm:px-5 sm:pb-5 ${title ? "pt-3" : "pt-4 sm:pt-5"}`}>
        {children}
      </div>
    </section>
  );
}

/** Facts of one thing, each with its name. What is null is left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-1 gap-x-6 gap-y-0.5 sm:grid-cols-[max-content_1fr] sm:gap-y-2">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-sm text-soft sm:text-base">{name}</dt>
            <dd className="mb-2 min-w-0 [overflow-wrap:anywhere] sm:mb-0">{value}</dd>
          </div>
        ))}
    </dl>
  );
}
