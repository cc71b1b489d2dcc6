import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useGet } from "../../api/queries.ts";
import type { Overview } from "../../api/types.ts";
import { PageTitle } from "../../parts/card.tsx";
import { Failure } from "../../parts/failure.tsx";
import { useFilters } from "../../parts/filters.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { useMe } from "../../shell/me.tsx";
import { Figures } from "./figures.tsx";
import { Guide } from "./guide.tsx";
import { guideIsDismissed } from "./guide-progress.ts";
import { Notices } from "./notices.tsx";
import { OverviewCharts } from "./overview-charts.tsx";
import { defaultAge, type Range, rangeOf, ranges } from "./ranges.ts";
import { ByOrigin, ByTeam } from "./shares.tsx";

/** How often it is asked for while the guide waits for the first build. */
const guideEveryMs = 2_000;

export function OverviewPage() {
  const { me, team, href } = useMe();
  const range = useRange();
  const [isDismissed, setDismissed] = useState(guideIsDismissed);
  // One who has seen it begin sees it end.
  const [wasGuided, setGuided] = useState(false);
  const overview = useGet<Overview>(
    "/overview",
    { team: team?.slug, since: range.age },
    { refetchMs: wasGuided && !team && !isDismissed ? guideEveryMs : undefined },
  );
  const { data, error } = overview;
  // It is about a server to which nobody has come yet: one team without a hit has figures, too.
  const mayGuide = me.isServerAdmin && !team && !isDismissed && !overview.isPlaceholderData;
  if (mayGuide && data && !data.isFirstHitSeen && !wasGuided) setGuided(true);
  if (mayGuide && data && wasGuided) {
    return <Guide overview={data} onEnd={() => setDismissed(true)} />;
  }
  return (
    <>
      <PageTitle title="Overview" intro={team ? team.name : me.teams.length > 1 ? "All teams" : undefined}>
        <nav aria-label="Range of time" className="flex rounded-lg border border-edge bg-card p-0.5 text-sm">
          {ranges.map(({ age, title }) => (
            <Link
              key={age}
              href={href(age === defaultAge ? "/" : `/?range=${age}`)}
              replace
              aria-current={age === range.age ? "true" : undefined}
              className={`rounded-md px-2.5 py-1.5 whitespace-nowrap no-underline sm:px-3 ${age === range.age ? "bg-accent font-semibold text-accent-ink" : "text-soft hover:bg-raised hover:text-ink"}`}
            >
              <span className="sm:hidden">{age}</span>
              <span className="max-sm:hidden">{title}</span>
            </Link>
          ))}
        </nav>
      </PageTitle>
      {error && (
        <div className="mb-5">
          <Failure error={error} onRetry={() => void overview.refetch()} />
        </div>
      )}
      {data ? (
        <div className={overview.isPlaceholderData ? "opacity-60 transition-opacity" : ""}>
          <Notices notices={data.notices} />
          <Figures overview={data} rangeTitle={range.title} />
          <OverviewCharts overview={data} />
          <div className="gap-5 xl:grid xl:grid-cols-2 xl:items-start">
            <ByOrigin origins={data.byOrigin} />
            {data.byTeam && data.byTeam.length > 1 && <ByTeam teams={data.byTeam} />}
          </div>
        </div>
      ) : (
        !error && <OverviewSkeleton />
      )}
    </>
  );
}

/** The range that the address names. Of one that there is not the address is rid, so that it says what is shown. */
function useRange(): Range {
  const [filters, set] = useFilters();
  const wanted = filters.get("range");
  const range = rangeOf(wanted);
  const isUnknown = wanted !== null && wanted !== range.age;
  useEffect(() => {
    if (isUnknown) set("range", "");
  });
  return range;
}

function OverviewSkeleton() {
  return (
    <div role="status">
      <span className="sr-only">Loading</span>
      <div className="mb-5 grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
        {["a", "b", "c", "d"].map((key) => (
          <Skeleton key={key} className="h-36" />
        ))}
      </div>
      <Skeleton className="mb-5 h-80 w-full" />
      <Skeleton className="h-48 w-full" />
    </div>
  );
}
