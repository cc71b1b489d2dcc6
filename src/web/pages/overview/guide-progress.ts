const key = "larder.guide";

/** What somebody at this browser has said to the guide, of which the server knows nothing. */
type Progress = "name kept" | "dismissed";

/** Whether somebody has had enough of the guide. */
export function guideIsDismissed(): boolean {
  return progress() === "dismissed";
}

export function dismissGuide(): void {
  remember("dismissed");
}

/** Whether the team is to be called as it is. */
export function nameIsKept(): boolean {
  return progress() === "name kept";
}

export function keepName(): void {
  remember("name kept");
}

function progress(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // A browser that keeps nothing asks again.
    return null;
  }
}

function remember(progress: Progress): void {
  try {
    localStorage.setItem(key, progress);
  } catch {
    // As above.
  }
}
