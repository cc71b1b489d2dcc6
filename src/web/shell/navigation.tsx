import { Link, useLocation } from "wouter";
import { administratorsOnly, ownersOnly, type Rule } from "./allowed.tsx";
import { useMe } from "./me.tsx";

interface Entry {
  route: string;
  title: string;
  /** For whom it is, if not for everybody. */
  rule?: Rule;
}

const groups: readonly (readonly [title: string, entries: readonly Entry[]])[] = [
  [
    "Cache",
    [
      { route: "/", title: "Overview" },
      { route: "/runs", title: "Runs" },
      { route: "/artifacts", title: "Artifacts" },
      { route: "/connect", title: "Connect" },
    ],
  ],
  [
    "Access",
    [
      { route: "/teams", title: "Teams" },
      { route: "/tokens", title: "Tokens" },
      { route: "/policies", title: "CI policies", rule: ownersOnly },
      { route: "/users", title: "Users", rule: administratorsOnly },
    ],
  ],
  [
    "Server",
    [
      { route: "/audit", title: "Audit log", rule: ownersOnly },
      { route: "/settings", title: "Settings", rule: administratorsOnly },
    ],
  ],
];

/** The ways to all pages that one may see. @param onFollow called when one is taken. */
export function Navigation({ onFollow }: { onFollow?: () => void }) {
  const view = useMe();
  const [location] = useLocation();
  return (
    <nav aria-label="Pages" className="space-y-5">
      {groups.map(([title, entries]) => {
        const shown = entries.filter(({ rule }) => rule?.isAllowed(view) ?? true);
        if (shown.length === 0) return null;
        return (
          <div key={title}>
            <p className="mb-1 px-3 text-xs font-semibold tracking-wide text-soft uppercase">{title}</p>
            <ul>
              {shown.map(({ route, title: name }) => {
                const isCurrent = route === "/" ? location === "/" : location.startsWith(route);
                return (
                  <li key={route}>
                    <Link
                      href={view.href(route)}
                      aria-current={isCurrent ? "page" : undefined}
                      onClick={onFollow}
                      className={`block rounded-lg px-3 py-2 lg:py-1.5 ${isCurrent ? "bg-raised font-semibold text-ink shadow-[inset_3px_0_0_var(--accent)]" : "text-soft hover:bg-raised hover:text-ink"}`}
                    >
                      {name}
                    </Link>
                  </li>
                );
              })}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}
