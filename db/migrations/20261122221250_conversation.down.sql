-- What the older version does not know is turned into what it does: dropped sessions of people's branches keep a name of ours.
UPDATE "session" SET "status" = 'terminated', "ended_at" = coalesce("ended_at", now()), "branch" = 'claude/' || "id" WHERE "writes" <> 'own-branch';
--> statement-breakpoint
UPDATE "task" SET "trigger" = 'comment' WHERE "trigger" NOT IN ('comment', 'label', 'assign');
--> statement-breakpoint
ALTER TABLE "feedback" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "greeting" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "ignored_trigger" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "saved_task" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "steering" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
DROP POLICY "feedback_account" ON "feedback" CASCADE;
--> statement-breakpoint
DROP POLICY "feedback_system" ON "feedback" CASCADE;
--> statement-breakpoint
DROP TABLE "feedback" CASCADE;
--> statement-breakpoint
DROP POLICY "greeting_account" ON "greeting" CASCADE;
--> statement-breakpoint
DROP POLICY "greeting_system" ON "greeting" CASCADE;
--> statement-breakpoint
DROP TABLE "greeting" CASCADE;
--> statement-breakpoint
DROP POLICY "ignored_trigger_account" ON "ignored_trigger" CASCADE;
--> statement-breakpoint
DROP POLICY "ignored_trigger_system" ON "ignored_trigger" CASCADE;
--> statement-breakpoint
DROP TABLE "ignored_trigger" CASCADE;
--> statement-breakpoint
DROP POLICY "saved_task_account" ON "saved_task" CASCADE;
--> statement-breakpoint
DROP POLICY "saved_task_system" ON "saved_task" CASCADE;
--> statement-breakpoint
DROP TABLE "saved_task" CASCADE;
--> statement-breakpoint
DROP POLICY "steering_account" ON "steering" CASCADE;
--> statement-breakpoint
DROP POLICY "steering_system" ON "steering" CASCADE;
--> statement-breakpoint
DROP TABLE "steering" CASCADE;
--> statement-breakpoint
ALTER TABLE "session" DROP CONSTRAINT "session_writes_known";
--> statement-breakpoint
ALTER TABLE "session" DROP CONSTRAINT "session_branch_prefix";
--> statement-breakpoint
ALTER TABLE "task" DROP CONSTRAINT "task_waiting_has_question";
--> statement-breakpoint
ALTER TABLE "task" DROP CONSTRAINT "task_trigger_known";
--> statement-breakpoint
DROP INDEX "task_waiting_idx";
--> statement-breakpoint
DROP INDEX "session_branch_once";
--> statement-breakpoint
CREATE UNIQUE INDEX "session_branch_once" ON "session" USING btree ("repository_id","branch");
--> statement-breakpoint
ALTER TABLE "session" DROP COLUMN "writes";
--> statement-breakpoint
ALTER TABLE "session" DROP COLUMN "autofix";
--> statement-breakpoint
ALTER TABLE "task" DROP COLUMN "leg";
--> statement-breakpoint
ALTER TABLE "task" DROP COLUMN "question";
--> statement-breakpoint
ALTER TABLE "task" DROP COLUMN "answer";
--> statement-breakpoint
ALTER TABLE "task" DROP COLUMN "undone_at";
--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_branch_prefix" CHECK ("session"."branch" like 'claude/%');
--> statement-breakpoint
ALTER TABLE "task" ADD CONSTRAINT "task_trigger_known" CHECK ("task"."trigger" in ('comment', 'label', 'assign'));
