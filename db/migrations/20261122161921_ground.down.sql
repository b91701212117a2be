-- Policies, grants, indexes, the event sequence and the trigger go with their tables.
DROP TABLE "event", "model_call", "step", "turn_token", "usage", "task", "session", "repository", "installation", "account", "delivery", "rate_bucket", "watermark";
--> statement-breakpoint
DROP FUNCTION "usage_append_only"();
--> statement-breakpoint
REVOKE USAGE ON SCHEMA "public" FROM "remote_claude_app", "remote_claude_system";
-- The roles stay: they belong to the whole server, and another database may be in use with them. They own nothing and cannot log in.
