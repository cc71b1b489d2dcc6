-- What clients had reported until now was never shown anywhere, and belongs to no run: it goes.
DROP TABLE `events`;--> statement-breakpoint
CREATE TABLE `events` (
	`id` integer PRIMARY KEY NOT NULL,
	`run_id` integer NOT NULL,
	`kind` integer NOT NULL,
	`hash` text NOT NULL,
	`duration_ms` integer NOT NULL,
	`size_bytes` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `events_run` ON `events` (`run_id`);--> statement-breakpoint
CREATE TABLE `runs` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`session_id` text,
	`origin_kind` text NOT NULL,
	`origin_id` text NOT NULL,
	`token_id` text NOT NULL,
	`actor_name` text NOT NULL,
	`user_id` text,
	`scope` text NOT NULL,
	`client_ci` text,
	`started_at` integer NOT NULL,
	`last_event_at` integer NOT NULL,
	`events` integer DEFAULT 0 NOT NULL,
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
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `runs_started` ON `runs` (`started_at`,`id`,`tool`,`origin_kind`);--> statement-breakpoint
CREATE INDEX `runs_team_started` ON `runs` (`team_id`,`started_at`,`id`,`tool`,`origin_kind`);--> statement-breakpoint
CREATE INDEX `runs_origin_started` ON `runs` (`origin_id`,`started_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `runs_session` ON `runs` (`session_id`,`team_id`,`tool`,`origin_kind`,`origin_id`,`token_id`);--> statement-breakpoint
CREATE TABLE `usage_days` (
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
CREATE INDEX `usage_days_team` ON `usage_days` (`team_id`,`start_at`);--> statement-breakpoint
CREATE TABLE `usage_hours` (
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
CREATE INDEX `usage_hours_team` ON `usage_hours` (`team_id`,`start_at`);