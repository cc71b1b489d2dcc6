CREATE TABLE `artifacts` (
	`id` integer PRIMARY KEY NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`scope` text NOT NULL,
	`hash` text NOT NULL,
	`blob_id` integer NOT NULL,
	`duration_ms` integer NOT NULL,
	`tag` text,
	`sha` text,
	`dirty_hash` text,
	`client_ci` text,
	`client_interactive` integer,
	`written_by` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`blob_id`) REFERENCES `blobs`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `artifacts_key` ON `artifacts` (`team_id`,`tool`,`scope`,`hash`);--> statement-breakpoint
CREATE INDEX `artifacts_blob` ON `artifacts` (`blob_id`);--> statement-breakpoint
CREATE TABLE `blobs` (
	`id` integer PRIMARY KEY NOT NULL,
	`sha256` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`created_at` integer NOT NULL,
	`released_at` integer,
	`quarantined_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `blobs_sha256_unique` ON `blobs` (`sha256`);--> statement-breakpoint
CREATE INDEX `blobs_released` ON `blobs` (`released_at`);--> statement-breakpoint
CREATE TABLE `events` (
	`id` integer PRIMARY KEY NOT NULL,
	`team_id` text NOT NULL,
	`tool` text NOT NULL,
	`token_id` text,
	`session_id` text,
	`source` text NOT NULL,
	`event` text NOT NULL,
	`hash` text NOT NULL,
	`duration_ms` integer NOT NULL,
	`client_ci` text,
	`client_interactive` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `events_team` ON `events` (`team_id`);--> statement-breakpoint
CREATE INDEX `events_created` ON `events` (`created_at`);--> statement-breakpoint
CREATE TABLE `teams` (
	`id` text PRIMARY KEY NOT NULL,
	`slug` text NOT NULL,
	`name` text NOT NULL,
	`state` text DEFAULT 'enabled' NOT NULL,
	`overwrite` text DEFAULT 'allow' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `teams_slug_unique` ON `teams` (`slug`);--> statement-breakpoint
CREATE TABLE `tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`team_id` text NOT NULL,
	`name` text NOT NULL,
	`secret_sha256` text NOT NULL,
	`permission` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tokens_secretSha256_unique` ON `tokens` (`secret_sha256`);--> statement-breakpoint
CREATE INDEX `tokens_team` ON `tokens` (`team_id`);