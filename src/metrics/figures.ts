import type { Cache } from "../cache/cache.ts";
import type { CacheFigures } from "../cache/figures.ts";
import type { Database } from "../database/database.ts";
import { Sessions } from "../identity/sessions.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import { type ProcessFigures, readProcessFigures } from "./process-figures.ts";
import type { RequestCounter } from "./request-counter.ts";
import { readTeamFigures, type TeamFigures } from "./team-figures.ts";

/** What is counted of the use of the cache, on its way into the database. */
export type UsageFigures = Pick<UsageRecorder, "waiting" | "dropped">;

export interface FigureSources {
  cache: Cache;
  database: Database;
  counter: RequestCounter;
  /** Those that are not yet answered to their end. */
  requests: { readonly underWay: number };
  usage: UsageFigures;
}

/** Everything that is shown as a metric, of one moment. */
export interface Figures {
  cache: CacheFigures;
  counter: RequestCounter;
  requestsUnderWay: number;
  usage: UsageFigures;
  queuedWrites: number;
  sessions: number;
  teams: TeamFigures[];
  process: ProcessFigures;
}

export async function readFigures({
  cache,
  database,
  counter,
  requests,
  usage,
}: FigureSources): Promise<Figures> {
  // First, since what else is read here takes its turn, too.
  const process = await readProcessFigures();
  return {
    process,
    counter,
    requestsUnderWay: requests.underWay,
    usage,
    queuedWrites: database.queuedWrites,
    cache: await cache.figures(),
    sessions: await new Sessions(database).countOpen(),
    teams: await readTeamFigures(database),
  };
}
