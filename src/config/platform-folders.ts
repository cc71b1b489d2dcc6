import { userInfo } from "node:os";
import { posix, win32 } from "node:path";
import type { Place } from "./place.ts";

/** Where the platform wants an application's data. Without any home folder, `larder-data` in the current one. */
export function dataFolder(place: Place): string {
  const { join } = pathRules(place);
  const home = homeFolder(place);
  if (place.platform === "win32") {
    const local = absolute(place, "LOCALAPPDATA") ?? (home && join(home, "AppData", "Local"));
    return local ? join(local, "larder") : join(place.cwd, "larder-data");
  }
  if (place.platform === "darwin") {
    return home ? join(home, "Library", "Application Support", "larder") : join(place.cwd, "larder-data");
  }
  const share = absolute(place, "XDG_DATA_HOME") ?? (home && join(home, ".local", "share"));
  return share ? join(share, "larder") : join(place.cwd, "larder-data");
}

/** Where the platform wants an application's settings, or undefined without a home folder. */
export function settingsFolder(place: Place): string | undefined {
  const { join } = pathRules(place);
  const home = homeFolder(place);
  if (place.platform === "win32") {
    const roaming = absolute(place, "APPDATA") ?? (home && join(home, "AppData", "Roaming"));
    return roaming && join(roaming, "larder");
  }
  if (place.platform === "darwin") return home && join(home, "Library", "Application Support", "larder");
  const settings = absolute(place, "XDG_CONFIG_HOME") ?? (home && join(home, ".config"));
  return settings && join(settings, "larder");
}

/** The user's home folder: the environment's word first, then the system's. */
export function homeFolder(place: Place): string | undefined {
  const named = absolute(place, place.platform === "win32" ? "USERPROFILE" : "HOME");
  return named ?? place.systemHome;
}

/** The user's home folder without asking the environment, or undefined if the system has no entry for the user. */
export function systemHome(): string | undefined {
  try {
    return userInfo().homedir || undefined;
  } catch {
    // Containers run under any user id.
    return undefined;
  }
}

/** Path rules of the platform in question, which in tests is not always the one that runs. */
export function pathRules(place: Place): typeof posix {
  return place.platform === "win32" ? win32 : posix;
}

/** "All paths set in these environment variables must be absolute" (XDG Base Directory Specification): others are ignored. */
function absolute(place: Place, variable: string): string | undefined {
  const path = place.env[variable];
  return path && pathRules(place).isAbsolute(path) ? path : undefined;
}
