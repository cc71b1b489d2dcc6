import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "wouter";

type Look = "primary" | "quiet" | "danger" | "plain";

const shape =
  "inline-flex items-center justify-center gap-2 rounded-lg border text-sm font-semibold no-underline disabled:opacity-55";
const sizes = { usual: "min-h-10 px-3.5 py-1.5", small: "min-h-8 px-2.5 py-0.5" };
const looks: Record<Look, string> = {
  primary:
    "border-accent bg-accent text-accent-ink enabled:hover:border-accent-hover enabled:hover:bg-accent-hover",
  quiet: "border-edge bg-transparent text-ink enabled:hover:border-ink enabled:hover:bg-raised",
  danger: "border-bad bg-transparent text-bad enabled:hover:bg-bad-page",
  plain: "border-transparent bg-transparent text-accent enabled:hover:bg-raised",
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  /** For where there are many, as in the rows of a table. */
  isSmall?: boolean;
  /** While what it began goes on: it stays in the tab order, and does nothing. */
  isBusy?: boolean;
}

export function Button({
  look = "quiet",
  isSmall = false,
  isBusy = false,
  className = "",
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
      className={`${shape} ${isSmall ? sizes.small : sizes.usual} ${looks[look]} ${isBusy ? "opacity-60" : ""} ${className}`}
    />
  );
}

/** Looks like a button and leads to another page of the dashboard. */
export function ButtonLink({
  href,
  look = "quiet",
  children,
}: {
  href: string;
  look?: Look;
  children: ReactNode;
}) {
  return (
    <Link href={href} className={`${shape} ${sizes.usual} ${looks[look].replaceAll("enabled:", "")}`}>
      {children}
    </Link>
  );
}
