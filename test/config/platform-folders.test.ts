import { expect, test } from "bun:test";
import { userInfo } from "node:os";
import type { Place } from "../../src/config/place.ts";
import { dataFolder, settingsFolder, systemHome } from "../../src/config/platform-folders.ts";

function place(platform: NodeJS.Platform, env: Place["env"], systemHome?: string): Place {
  return { platform, env, systemHome, cwd: platform === "win32" ? "C:\\work" : "/srv" };
}

test("Linux keeps data and settings where XDG says", () => {
  const home = place("linux", { HOME: "/home/ann" });
  expect(dataFolder(home)).toBe("/home/ann/.local/share/larder");
  expect(settingsFolder(home)).toBe("/home/ann/.config/larder");

  const named = place("linux", { HOME: "/home/ann", XDG_DATA_HOME: "/data", XDG_CONFIG_HOME: "/settings" });
  expect(dataFolder(named)).toBe("/data/larder");
  expect(settingsFolder(named)).toBe("/settings/larder");
});

test("XDG folders that are relative or empty are ignored", () => {
  for (const folder of ["data", "./data", ""]) {
    const odd = place("linux", { HOME: "/home/ann", XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
    expect(dataFolder(odd)).toBe("/home/ann/.local/share/larder");
    expect(settingsFolder(odd)).toBe("/home/ann/.config/larder");
  }
});

test("macOS keeps both in Application Support", () => {
  const home = place("darwin", { HOME: "/Users/ann", XDG_DATA_HOME: "/data" });
  expect(dataFolder(home)).toBe("/Users/ann/Library/Application Support/larder");
  expect(settingsFolder(home)).toBe("/Users/ann/Library/Application Support/larder");
});

test("Windows keeps data in the local and settings in the roaming profile", () => {
  const profile = place("win32", {
    LOCALAPPDATA: "C:\\Users\\ann\\AppData\\Local",
    APPDATA: "C:\\Users\\ann\\AppData\\Roaming",
  });
  expect(dataFolder(profile)).toBe("C:\\Users\\ann\\AppData\\Local\\larder");
  expect(settingsFolder(profile)).toBe("C:\\Users\\ann\\AppData\\Roaming\\larder");
  expect(dataFolder(place("win32", { USERPROFILE: "C:\\Users\\ann" }))).toBe(
    "C:\\Users\\ann\\AppData\\Local\\larder",
  );
});

test("an empty environment leads to the home folder that the system knows", () => {
  expect(dataFolder(place("linux", {}, "/home/ann"))).toBe("/home/ann/.local/share/larder");
  expect(dataFolder(place("linux", { HOME: "" }, "/home/ann"))).toBe("/home/ann/.local/share/larder");
  expect(systemHome()).toBe(userInfo().homedir);
});

test("without any home folder, data lies in the current one and there are no settings of the user", () => {
  for (const platform of ["linux", "darwin"] as const) {
    expect(dataFolder(place(platform, {}))).toBe("/srv/larder-data");
    expect(settingsFolder(place(platform, {}))).toBeUndefined();
  }
  expect(dataFolder(place("win32", {}))).toBe("C:\\work\\larder-data");
  expect(settingsFolder(place("win32", {}))).toBeUndefined();
});
