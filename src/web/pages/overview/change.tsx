import { roundPercent, roundSize } from "../../../units.ts";

const noChange = "no change";
const isNew = "new";

/**
 * How a figure differs from that of the time before, which was as long.
 * @param kind "points" for shares, which are subtracted; "share" for what is compared by how many times as much it is.
 * @param isGood which way is good news; neither, if not said.
 */
export function Change({
  now,
  before,
  kind,
  isGood,
  span,
}: {
  now: number | null;
  before: number | null;
  kind: "points" | "share";
  isGood?: "up" | "down";
  span: string;
}) {
  const text = changeText(now, before, kind);
  if (text === undefined) return null;
  const way = (now ?? 0) > (before ?? 0) ? "up" : "down";
  const isNews = isGood && text !== noChange && text !== isNew;
  const tone = !isNews ? "text-soft" : way === isGood ? "text-good" : "text-bad";
  return (
    <span
      className={`text-sm font-medium whitespace-nowrap ${tone}`}
      title={text === isNew ? `There was nothing in the ${span} before` : `Against the ${span} before`}
    >
      {text}
    </span>
  );
}

/**
 * How what is stored differs from what it was at a time. Neither way is good news or bad.
 * @param ago how long it is since then, such as `7 days ago`.
 */
export function StoredChange({
  nowBytes,
  beforeBytes,
  ago,
}: {
  nowBytes: number;
  beforeBytes: number;
  ago: string;
}) {
  const text = storedChangeText(nowBytes, beforeBytes);
  if (text === undefined) return null;
  return (
    <span
      className="text-sm font-medium whitespace-nowrap text-soft"
      title={beforeBytes === 0 ? `There was nothing ${ago}` : `It was ${roundSize(beforeBytes)} ${ago}`}
    >
      {text}
    </span>
  );
}

/** Undefined where there is and was nothing. */
export function storedChangeText(nowBytes: number, beforeBytes: number): string | undefined {
  if (nowBytes === beforeBytes) return nowBytes === 0 ? undefined : noChange;
  if (beforeBytes === 0) return isNew;
  return `${nowBytes > beforeBytes ? "▲" : "▼"} ${roundSize(Math.abs(nowBytes - beforeBytes))}`;
}

/** Undefined where there is nothing to compare. */
export function changeText(
  now: number | null,
  before: number | null,
  kind: "points" | "share",
): string | undefined {
  if (now === null || (kind === "share" && now === 0 && before === 0)) return undefined;
  if (before === null || (kind === "share" && before === 0)) return isNew;
  const difference = kind === "points" ? (now - before) * 100 : (now - before) / before;
  const arrow = difference > 0 ? "▲" : "▼";
  if (kind === "points") {
    const points = Math.abs(difference).toFixed(1).replace(/\.0$/, "");
    return points === "0" ? noChange : `${arrow} ${points} points`;
  }
  if (Math.abs(difference) < 0.0005) return noChange;
  if (difference >= 9.995) return `${arrow} ×${Math.round(now / before)}`;
  return `${arrow} ${difference >= 1 ? `${Math.round(difference * 100)}%` : roundPercent(Math.abs(difference))}`;
}
