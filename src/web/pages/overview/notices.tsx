import { Link } from "wouter";
import type { Notice } from "../../api/types.ts";
import { CodeText } from "../../parts/code-text.tsx";

const looks = {
  critical: { box: "border-bad bg-bad-page text-bad", word: "Critical" },
  warning: { box: "border-warn bg-warn-page text-warn", word: "Warning" },
  info: { box: "border-line bg-card text-ink", word: "Note" },
};

/** What somebody should know or do something about, the worst first. */
export function Notices({ notices }: { notices: readonly Notice[] }) {
  const order = ["critical", "warning", "info"];
  const sorted = notices.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  return (
    <section aria-label="Notices" aria-live="polite" className={notices.length > 0 ? "mb-5 space-y-3" : ""}>
      {sorted.map(({ code, severity, title, message, remedy, team }) => (
        <div
          key={`${code} ${team ?? ""}`}
          className={`appear rounded-xl border px-4 py-3 ${looks[severity].box}`}
        >
          <p className="font-semibold">
            <span className="mr-2 text-xs tracking-wide uppercase">{looks[severity].word}</span>
            {title}
          </p>
          <p className="mt-0.5 text-sm text-ink [overflow-wrap:anywhere]">
            <CodeText text={message} />
          </p>
          <p className="text-sm text-ink [overflow-wrap:anywhere]">
            <CodeText text={remedy} />
          </p>
          {/* Its words name the team already. */}
          {team && (
            <Link href={`/teams/${team}`} className="text-sm underline">
              The team’s page
            </Link>
          )}
        </div>
      ))}
    </section>
  );
}
