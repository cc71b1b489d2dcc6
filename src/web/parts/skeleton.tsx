/** The place of something that is on its way. */
export function Skeleton({ className = "h-5 w-full" }: { className?: string }) {
  return <div className={`skeleton ${className}`} />;
}

const widths = ["w-11/12", "w-10/12", "w-full", "w-9/12", "w-10/12", "w-8/12"];

/** The place of several lines. Says so once to those who do not see it. */
export function SkeletonLines({ count = 6 }: { count?: number }) {
  return (
    <div className="space-y-3 p-4 sm:p-5" role="status">
      <span className="sr-only">Loading</span>
      {Array.from({ length: count }, (_, index) => (
        <Skeleton
          key={widths[index % 6] + String(index)}
          className={`h-5 ${widths[index % widths.length]}`}
        />
      ))}
    </div>
  );
}
