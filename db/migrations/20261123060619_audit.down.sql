-- The log is gone with its tables: print it first (remote-claude audit list --json).
DROP POLICY "audit_account" ON "audit" CASCADE;
--> statement-breakpoint
DROP POLICY "audit_system" ON "audit" CASCADE;
--> statement-breakpoint
DROP TABLE "audit" CASCADE;
--> statement-breakpoint
DROP POLICY "audit_head_account" ON "audit_head" CASCADE;
--> statement-breakpoint
DROP POLICY "audit_head_system" ON "audit_head" CASCADE;
--> statement-breakpoint
DROP TABLE "audit_head" CASCADE;
--> statement-breakpoint
DROP FUNCTION "audit_head_forward"();
--> statement-breakpoint
DROP FUNCTION "audit_append_only"();
