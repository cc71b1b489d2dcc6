CREATE TABLE `choices` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
DROP INDEX `artifacts_blob`;--> statement-breakpoint
ALTER TABLE `artifacts` ADD `last_used_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `artifacts_last_used` ON `artifacts` (`last_used_at`);--> statement-breakpoint
CREATE INDEX `artifacts_team_last_used` ON `artifacts` (`team_id`,`last_used_at`);--> statement-breakpoint
CREATE INDEX `artifacts_blob` ON `artifacts` (`blob_id`,`team_id`);--> statement-breakpoint
ALTER TABLE `blobs` ADD `suspected_at` integer;--> statement-breakpoint
CREATE INDEX `blobs_suspected` ON `blobs` (`suspected_at`);--> statement-breakpoint
ALTER TABLE `teams` ADD `quota_bytes` integer;--> statement-breakpoint
ALTER TABLE `teams` ADD `quota_rule` text DEFAULT 'evict' NOT NULL;--> statement-breakpoint
ALTER TABLE `teams` ADD `max_age_ms` integer;--> statement-breakpoint
ALTER TABLE `teams` ADD `used_bytes` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `artifacts` SET `last_used_at` = `created_at`;--> statement-breakpoint
UPDATE `teams` SET `used_bytes` = (SELECT coalesce(sum(`size_bytes`), 0) FROM `blobs` WHERE `id` IN (SELECT `blob_id` FROM `artifacts` WHERE `artifacts`.`team_id` = `teams`.`id`));
