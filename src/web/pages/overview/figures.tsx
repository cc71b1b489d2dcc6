import type { ReactNode } from "react";
import { roundPercent, roundSize, roundTime } from "../../../units.ts";
import type { Overview, StorageFigures } from "../../api/types.ts";
import { formatCount, formatCounted, formatExactCount } from "../../format/count.ts";
import { formatHour } from "../../format/time.ts";
import { Change, StoredChange } from "./change.tsx";

/** The four figures that say how well the cache does. */
export function Figures({ overview, rangeTitle }: { overview: Overview; rangeTitle: string }) {
  const { totals, before, storage } = overview;
  const hits = totals.remoteHits + totals.localHits;
  return (
    <div className="mb-5 grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
      <Figure
        title="Hit rate"
        value={totals.hitRate === null ? "–" : roundPercent(totals.hitRate)}
        side={
          <Change now={totals.hitRate} before={before.hitRate} kind="points" isGood="up" span={rangeTitle} />
        }
      >
        {totals.hitRate === null ? (
          <p>No task has asked the cache in this time.</p>
        ) : (
          <>
            <p>
              {formatCount(hits)} of {formatCounted(hits + totals.remoteMisses, "task")}
            </p>
            <p>
              By time{" "}
              <strong className="font-semibold text-ink">
                {totals.hitRateByTime === null ? "unknown" : roundPercent(totals.hitRateByTime)}
              </strong>
            </p>
          </>
        )}
      </Figure>
      <Figure
        title="Time saved"
        value={roundTime(totals.savedMs)}
        side={
          <Change now={totals.savedMs} before={before.savedMs} kind="share" isGood="up" span={rangeTitle} />
        }
      >
        <Split color="bg-remote" name="Remote" value={roundTime(totals.remoteSavedMs)} />
        <Split color="bg-local" name="Local" value={roundTime(totals.localSavedMs)} />
      </Figure>
      <Figure
        title="Traffic"
        value={roundSize(totals.downloadedBytes + totals.uploadedBytes)}
        side={
          <Change
            now={totals.downloadedBytes + totals.uploadedBytes}
            before={before.downloadedBytes + before.uploadedBytes}
            kind="share"
            span={rangeTitle}
          />
        }
      >
        <p>
          {roundSize(totals.downloadedBytes)} down, {roundSize(totals.uploadedBytes)} up
        </p>
        <p title={`${formatExactCount(totals.uploads)} uploads`}>
          {formatCounted(totals.uploads, "upload")}
          {totals.refusedUploads > 0 && (
            <span className="text-bad">, {formatCount(totals.refusedUploads)} refused</span>
          )}
        </p>
      </Figure>
      <StorageFigure storage={storage} since={overview.since} rangeTitle={rangeTitle} />
    </div>
  );
}

function Figure({
  title,
  value,
  side,
  children,
}: {
  title: string;
  value: string;
  side?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="min-w-0 rounded-xl border border-line bg-card p-4 shadow-[0_1px_2px_#0000000d] sm:px-5">
      <h2 className="text-sm font-medium text-soft">{title}</h2>
      <p className="mt-0.5 flex flex-wrap items-baseline justify-between gap-x-2">
        <span className="text-3xl font-bold xl:text-[1.7rem] tracking-tight tabular-nums">{value}</span>
        {side}
      </p>
      <div className="mt-2 text-sm text-soft">{children}</div>
    </section>
  );
}

function Split({ color, name, value }: { color: string; name: string; value: string }) {
  return (
    <p className="flex items-center gap-2">
      <span className={`size-2.5 rounded-sm ${color}`} />
      {name} <span className="ml-auto text-ink tabular-nums">{value}</span>
    </p>
  );
}

function StorageFigure({
  storage,
  since,
  rangeTitle,
}: {
  storage: StorageFigures;
  since: string;
  rangeTitle: string;
}) {
  const { team, storedBytes, freeBytes, before } = storage;
  // What the whole server holds is for those who run it.
  if (!team && storedBytes === null) {
    return (
      <Figure title="Storage" value={formatCount(storage.artifacts)}>
        <p>artifacts in your teams. Choose a team for what it uses.</p>
      </Figure>
    );
  }
  const used = team?.usedBytes ?? (storedBytes ?? 0) + (storage.reservedBytes ?? 0);
  const limit = team ? team.quotaBytes : storage.maxSizeBytes;
  const isKnownSince = before !== null && before.at !== since;
  const share = limit === null ? null : Math.min(1, limit === 0 ? 1 : used / limit);
  return (
    <Figure
      title={team ? "Storage of the team" : "Storage"}
      value={roundSize(used)}
      side={
        before && (
          <StoredChange
            nowBytes={team?.usedBytes ?? storedBytes ?? 0}
            beforeBytes={before.storedBytes}
            ago={isKnownSince ? `on ${formatHour(before.at)}` : `${rangeTitle} ago`}
          />
        )
      }
    >
      {share !== null && limit !== null ? (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: browsers let nobody choose how their own looks */}
          <div
            role="meter"
            aria-label="Storage in use"
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(share * 100)}
            aria-valuetext={`${roundSize(used)} of ${roundSize(limit)}`}
            className="mt-1 mb-2 h-2 overflow-hidden rounded-full bg-raised"
          >
            <div
              className={`h-full rounded-full ${share > 0.98 ? "bg-bad" : share > 0.9 ? "bg-warn" : "bg-accent"}`}
              style={{ width: `${share * 100}%` }}
            />
          </div>
          <p>
            {roundPercent(share)} of {roundSize(limit)}
          </p>
        </>
      ) : (
        <p>No limit is set.</p>
      )}
      <p>
        {formatCounted(storage.artifacts, "artifact")}
        {!team && freeBytes !== null && `, ${roundSize(freeBytes)} free`}
      </p>
      {before && isKnownSince && <p>Known since {formatHour(before.at)}</p>}
    </Figure>
  );
}
