CREATE TABLE `usage_months` (
	`start_at` integer NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`origin_kind` text NOT NULL,
	`origin_id` text NOT NULL,
	`remote_hits` integer DEFAULT 0 NOT NULL,
	`remote_misses` integer DEFAULT 0 NOT NULL,
	`local_hits` integer DEFAULT 0 NOT NULL,
	`local_misses` integer DEFAULT 0 NOT NULL,
	`remote_saved_ms` integer DEFAULT 0 NOT NULL,
	`local_saved_ms` integer DEFAULT 0 NOT NULL,
	`missed_ms` integer DEFAULT 0 NOT NULL,
	`uploads` integer DEFAULT 0 NOT NULL,
	`uploaded_bytes` integer DEFAULT 0 NOT NULL,
	`downloaded_bytes` integer DEFAULT 0 NOT NULL,
	`refused_uploads` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`start_at`, `team_id`, `tool`, `origin_kind`, `origin_id`),
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `usage_months_team` ON `usage_months` (`team_id`,`start_at`);--> statement-breakpoint
CREATE TABLE `usage_team_days` (
	`start_at` integer NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`remote_hits` integer DEFAULT 0 NOT NULL,
	`remote_misses` integer DEFAULT 0 NOT NULL,
	`local_hits` integer DEFAULT 0 NOT NULL,
	`local_misses` integer DEFAULT 0 NOT NULL,
	`remote_saved_ms` integer DEFAULT 0 NOT NULL,
	`local_saved_ms` integer DEFAULT 0 NOT NULL,
	`missed_ms` integer DEFAULT 0 NOT NULL,
	`uploads` integer DEFAULT 0 NOT NULL,
	`uploaded_bytes` integer DEFAULT 0 NOT NULL,
	`downloaded_bytes` integer DEFAULT 0 NOT NULL,
	`refused_uploads` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`start_at`, `team_id`, `tool`),
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `usage_team_days_team` ON `usage_team_days` (`team_id`,`start_at`);--> statement-breakpoint
CREATE TABLE `usage_team_hours` (
	`start_at` integer NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`remote_hits` integer DEFAULT 0 NOT NULL,
	`remote_misses` integer DEFAULT 0 NOT NULL,
	`local_hits` integer DEFAULT 0 NOT NULL,
	`local_misses` integer DEFAULT 0 NOT NULL,
	`remote_saved_ms` integer DEFAULT 0 NOT NULL,
	`local_saved_ms` integer DEFAULT 0 NOT NULL,
	`missed_ms` integer DEFAULT 0 NOT NULL,
	`uploads` integer DEFAULT 0 NOT NULL,
	`uploaded_bytes` integer DEFAULT 0 NOT NULL,
	`downloaded_bytes` integer DEFAULT 0 NOT NULL,
	`refused_uploads` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`start_at`, `team_id`, `tool`),
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `usage_team_hours_team` ON `usage_team_hours` (`team_id`,`start_at`);--> statement-breakpoint
-- What was counted before is in the new sums, too.
INSERT INTO `usage_months` (`start_at`, `team_id`, `tool`, `origin_kind`, `origin_id`, `remote_hits`, `remote_misses`, `local_hits`, `local_misses`, `remote_saved_ms`, `local_saved_ms`, `missed_ms`, `uploads`, `uploaded_bytes`, `downloaded_bytes`, `refused_uploads`)
SELECT CAST(strftime('%s', `start_at` / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000, `team_id`, `tool`, `origin_kind`, `origin_id`, sum(`remote_hits`), sum(`remote_misses`), sum(`local_hits`), sum(`local_misses`), sum(`remote_saved_ms`), sum(`local_saved_ms`), sum(`missed_ms`), sum(`uploads`), sum(`uploaded_bytes`), sum(`downloaded_bytes`), sum(`refused_uploads`)
FROM `usage_days` GROUP BY 1, 2, 3, 4, 5;--> statement-breakpoint
INSERT INTO `usage_team_days` (`start_at`, `team_id`, `tool`, `remote_hits`, `remote_misses`, `local_hits`, `local_misses`, `remote_saved_ms`, `local_saved_ms`, `missed_ms`, `uploads`, `uploaded_bytes`, `downloaded_bytes`, `refused_uploads`)
SELECT `start_at`, `team_id`, `tool`, sum(`remote_hits`), sum(`remote_misses`), sum(`local_hits`), sum(`local_misses`), sum(`remote_saved_ms`), sum(`local_saved_ms`), sum(`missed_ms`), sum(`uploads`), sum(`uploaded_bytes`), sum(`downloaded_bytes`), sum(`refused_uploads`)
FROM `usage_days` GROUP BY 1, 2, 3;--> statement-breakpoint
INSERT INTO `usage_team_hours` (`start_at`, `team_id`, `tool`, `remote_hits`, `remote_misses`, `local_hits`, `local_misses`, `remote_saved_ms`, `local_saved_ms`, `missed_ms`, `uploads`, `uploaded_bytes`, `downloaded_bytes`, `refused_uploads`)
SELECT `start_at`, `team_id`, `tool`, sum(`remote_hits`), sum(`remote_misses`), sum(`local_hits`), sum(`local_misses`), sum(`remote_saved_ms`), sum(`local_saved_ms`), sum(`missed_ms`), sum(`uploads`), sum(`uploaded_bytes`), sum(`downloaded_bytes`), sum(`refused_uploads`)
FROM `usage_hours` GROUP BY 1, 2, 3;
