import type { Logger } from "pino";
import type { LiveFeed } from "../admin/live-feed.ts";
import type { ShownSetting } from "../admin/settings-routes.ts";
import type { UploadLog } from "../audit/upload-log.ts";
import type { Cache } from "../cache/cache.ts";
import type { Config } from "../config/settings.ts";
import type { Database } from "../database/database.ts";
import type { Oidc } from "../identity/open-oidc.ts";
import type { TokenUse } from "../identity/token-use.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Notices } from "../notices/notices.ts";
import type { Requests } from "../server/requests.ts";
import type { DiskStorage } from "../storage/disk/disk-storage.ts";
import type { Runs } from "../usage/runs.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";

/** What a running larder consists of. */
export interface Parts {
  config: Config;
  /** The same for people to look at. */
  settings: () => ShownSetting[];
  database: Database;
  storage: DiskStorage;
  cache: Cache;
  usage: UsageRecorder;
  runs: Runs;
  notices: Notices;
  liveFeed: LiveFeed;
  uploadLog: UploadLog;
  tokenUse: TokenUse;
  oidc: Oidc | undefined;
  requests: Requests;
  metrics: Metrics;
  log: Logger;
}
