import { usageDays, usageHours, usageMonths, usageTeamDays, usageTeamHours } from "../database/schema.ts";

/** What was counted of each origin, by the length of what is summed up. */
export const originRollups = { hour: usageHours, day: usageDays, month: usageMonths } as const;

/** What was counted of each team. */
export const teamRollups = { hour: usageTeamHours, day: usageTeamDays } as const;

export type OriginRollup = (typeof originRollups)[keyof typeof originRollups];
export type TeamRollup = (typeof teamRollups)[keyof typeof teamRollups];
