import type { Tone } from "../../parts/badge.tsx";

export const teamStates: readonly { value: string; label: string; tone: Tone }[] = [
  { value: "enabled", label: "Enabled", tone: "good" },
  { value: "disabled", label: "Disabled", tone: "bad" },
  { value: "over_limit", label: "Over its limit", tone: "warn" },
  { value: "paused", label: "Paused", tone: "warn" },
  { value: "blocked", label: "Blocked", tone: "bad" },
];

export function teamState(state: string): { label: string; tone: Tone } {
  return teamStates.find(({ value }) => value === state) ?? { label: state, tone: "plain" };
}

export const memberRoles = [
  { value: "owner", label: "Owner" },
  { value: "member", label: "Member" },
  { value: "viewer", label: "Viewer" },
];
