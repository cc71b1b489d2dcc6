-- What `turbo login` got could administer the server of an administrator. Until now users had tokens from nowhere else.
UPDATE `tokens` SET `permission` = 'write' WHERE `user_id` IS NOT NULL AND `permission` = 'admin' AND `created_by` LIKE 'user %';
