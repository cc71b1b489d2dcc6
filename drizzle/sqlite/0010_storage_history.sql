CREATE TABLE `storage_history` (
	`end_at` integer PRIMARY KEY NOT NULL,
	`step` text NOT NULL,
	`stored_bytes` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `team_storage_history` (
	`end_at` integer NOT NULL,
	`step` text NOT NULL,
	`team_id` text NOT NULL,
	`used_bytes` integer NOT NULL,
	PRIMARY KEY(`team_id`, `end_at`),
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `team_storage_history_hours` ON `team_storage_history` (`end_at`) WHERE "team_storage_history"."step" = 'hour';