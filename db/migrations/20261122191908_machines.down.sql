ALTER TABLE "checkpoint" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "sandbox" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
DROP POLICY "checkpoint_account" ON "checkpoint" CASCADE;
--> statement-breakpoint
DROP POLICY "checkpoint_system" ON "checkpoint" CASCADE;
--> statement-breakpoint
DROP TABLE "checkpoint" CASCADE;
--> statement-breakpoint
DROP POLICY "sandbox_account" ON "sandbox" CASCADE;
--> statement-breakpoint
DROP POLICY "sandbox_system" ON "sandbox" CASCADE;
--> statement-breakpoint
DROP TABLE "sandbox" CASCADE;
--> statement-breakpoint
ALTER TABLE "session" ALTER COLUMN "claude_session_id" DROP NOT NULL;
--> statement-breakpoint
ALTER TABLE "task" DROP COLUMN "notices";
