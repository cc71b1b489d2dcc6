import { useEffect, useRef } from "react";
import { serverPath } from "../site.ts";
import { useMe } from "./me.tsx";

/** Who is signed in, the way to their account and to the API, and the way out. */
export function AccountMenu() {
  const { me } = useMe();
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const menu = details.current;
      if (!menu?.open) return;
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.contains(event.target as Node)) {
        menu.open = false;
        if (event instanceof KeyboardEvent) menu.querySelector("summary")?.focus();
      }
    };
    document.addEventListener("click", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("click", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  const name = me.user?.name ?? "Account";
  return (
    <details ref={details} className="relative">
      <summary className="flex size-10 list-none items-center justify-center rounded-full bg-raised text-sm font-semibold hover:bg-line [&::-webkit-details-marker]:hidden">
        <span aria-hidden="true">{initials(name)}</span>
        <span className="sr-only">Account of {name}</span>
      </summary>
      <div className="appear absolute right-0 z-20 mt-2 w-64 max-w-[calc(100vw-2rem)] rounded-xl border border-line bg-card p-4 shadow-xl">
        <p className="font-semibold [overflow-wrap:anywhere]">{name}</p>
        <p className="text-sm text-soft [overflow-wrap:anywhere]">{me.user?.email}</p>
        <p className="mt-3 text-sm">
          <a className="link" href={serverPath("/account")}>
            Account, password and sessions
          </a>
        </p>
        <p className="mt-2 text-sm">
          <a className="link" href={serverPath("/api")}>
            The API, for scripts
          </a>
        </p>
        <form method="post" action={serverPath("/sign-out")} className="mt-3">
          <input type="hidden" name="csrf" value={me.csrfToken ?? ""} />
          <button
            type="submit"
            className="min-h-10 w-full rounded-lg border border-edge px-3 text-sm font-semibold hover:bg-raised"
          >
            Sign out
          </button>
        </form>
        <p className="mt-3 text-xs text-soft">larder {me.version}</p>
      </div>
    </details>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s.@_-]+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => [...(word ?? "")][0] ?? "",
  );
  return letters.join("").toUpperCase() || "?";
}
