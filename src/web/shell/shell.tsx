import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { type LiveState, useLive } from "../api/live.ts";
import { AccountMenu } from "./account-menu.tsx";
import { Logo } from "./logo.tsx";
import { useMe } from "./me.tsx";
import { Navigation } from "./navigation.tsx";
import { TeamSwitcher } from "./team-switcher.tsx";

/** What stands around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const view = useMe();
  const live = useLive(view.team?.slug);
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const main = useRef<HTMLElement>(null);
  useFocusOnPage(main);
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[14rem_minmax(0,1fr)] lg:grid-rows-[auto_1fr]">
      <a
        href="#main"
        className="sr-only rounded-lg bg-accent px-4 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-30"
      >
        Skip to the page
      </a>
      <header className="flex items-center gap-3 border-b border-line bg-card px-4 py-2.5 lg:col-span-2 lg:px-5">
        <button
          ref={button}
          type="button"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setOpen(!isOpen)}
          className="flex size-10 flex-none items-center justify-center rounded-lg border border-line hover:bg-raised lg:hidden"
        >
          <svg viewBox="0 0 20 20" className="size-5" aria-hidden="true">
            <path
              d={isOpen ? "M4 4l12 12M16 4L4 16" : "M2 5h16M2 10h16M2 15h16"}
              stroke="currentColor"
              strokeWidth="2"
              strokeLinecap="round"
            />
          </svg>
          <span className="sr-only">Pages</span>
        </button>
        <Link
          href={view.href("/")}
          className="flex items-center gap-2.5 text-lg font-semibold tracking-tight text-ink no-underline max-sm:hidden"
        >
          <Logo />
          larder
        </Link>
        <div className="ml-auto flex min-w-0 items-center gap-3">
          <LiveSign state={live} />
          <TeamSwitcher />
          <AccountMenu />
        </div>
      </header>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: only listens for the key that closes it */}
      <div
        id="navigation"
        onKeyDown={({ key }) => {
          if (key !== "Escape") return;
          setOpen(false);
          button.current?.focus();
        }}
        className={`border-line bg-card p-3 max-lg:border-b lg:sticky lg:top-0 lg:block lg:self-start lg:bg-transparent lg:pt-5 ${isOpen ? "appear" : "hidden"}`}
      >
        <Navigation onFollow={() => setOpen(false)} />
      </div>
      <main
        ref={main}
        id="main"
        tabIndex={-1}
        className="mx-auto w-full max-w-7xl min-w-0 px-4 py-5 outline-none sm:px-6 lg:py-6"
      >
        {children}
      </main>
    </div>
  );
}

/** A page that was reached by a link is where the keyboard goes on, and the top of it is seen. */
function useFocusOnPage(main: React.RefObject<HTMLElement | null>): void {
  const [location] = useLocation();
  const shown = useRef(location);
  useEffect(() => {
    if (shown.current === location) return;
    shown.current = location;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [location, main]);
}

const followed =
  "Figures, runs and artifacts change as things happen. Purges and the audit log are asked for every 15 seconds.";
const polled = "Figures and lists are asked for every 15 seconds.";

function LiveSign({ state }: { state: LiveState }) {
  const isLive = state === "live";
  return (
    <span
      className="flex items-center gap-1.5 text-xs text-soft max-sm:hidden"
      title={`${isLive ? followed : polled} A list stays as it is while more than its first page is shown.`}
    >
      <span className={`size-2 rounded-full ${isLive ? "bg-good" : "bg-edge"}`} />
      {isLive ? "Live" : "Polling"}
    </span>
  );
}
