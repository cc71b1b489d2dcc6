const key = "larder.guide";

/** Whether somebody at this browser has had enough of the guide. */
export function guideIsDismissed(): boolean {
  try {
    return localStorage.getItem(key) === "dismissed";
  } catch {
    // A browser that keeps nothing shows it again.
    return false;
  }
}

export function dismissGuide(): void {
  try {
    localStorage.setItem(key, "dismissed");
  } catch {
    // As above.
  }
}
