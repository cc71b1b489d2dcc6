DROP INDEX `tokens_team`;--> statement-breakpoint
DROP INDEX `tokens_user`;--> statement-breakpoint
CREATE INDEX `tokens_created` ON `tokens` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `tokens_team_created` ON `tokens` (`team_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `tokens_user_created` ON `tokens` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `blobs_size` ON `blobs` (`size_bytes`);