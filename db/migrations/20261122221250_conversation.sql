CREATE TABLE "feedback" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"repository_id" bigint NOT NULL,
	"pull_number" integer NOT NULL,
	"kind" text NOT NULL,
	"comment_id" bigint NOT NULL,
	"delivery_id" text NOT NULL,
	"author_id" bigint NOT NULL,
	"author_login" text NOT NULL,
	"body" text NOT NULL,
	"commented_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"task_id" uuid,
	CONSTRAINT "feedback_once" UNIQUE("repository_id","kind","comment_id"),
	CONSTRAINT "feedback_kind_known" CHECK ("feedback"."kind" in ('comment', 'review-comment', 'review'))
);
--> statement-breakpoint
ALTER TABLE "feedback" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "greeting" (
	"account_id" uuid NOT NULL,
	"user_id" bigint NOT NULL,
	"greeted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "greeting_account_id_user_id_pk" PRIMARY KEY("account_id","user_id")
);
--> statement-breakpoint
ALTER TABLE "greeting" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "ignored_trigger" (
	"delivery_id" text PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"repository_id" bigint NOT NULL,
	"issue_number" integer NOT NULL,
	"what" text NOT NULL,
	"actor_id" bigint NOT NULL,
	"actor_login" text NOT NULL,
	"reason" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "ignored_trigger" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "saved_task" (
	"repository_id" bigint NOT NULL,
	"name" text NOT NULL,
	"account_id" uuid NOT NULL,
	"verb" text NOT NULL,
	"instruction" text NOT NULL,
	"options" jsonb NOT NULL,
	"saved_by_id" bigint NOT NULL,
	"saved_by_login" text NOT NULL,
	"saved_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "saved_task_repository_id_name_pk" PRIMARY KEY("repository_id","name"),
	CONSTRAINT "saved_task_name_lower" CHECK (name = lower(name))
);
--> statement-breakpoint
ALTER TABLE "saved_task" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "steering" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"kind" text DEFAULT 'comment' NOT NULL,
	"comment_id" bigint NOT NULL,
	"author" text NOT NULL,
	"text" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"handed_at" timestamp with time zone,
	"fence" integer,
	CONSTRAINT "steering_once" UNIQUE("task_id","kind","comment_id"),
	CONSTRAINT "steering_handed_under_fence" CHECK ((handed_at is null) = (fence is null)),
	CONSTRAINT "steering_kind_known" CHECK ("steering"."kind" in ('comment', 'review-comment', 'review'))
);
--> statement-breakpoint
ALTER TABLE "steering" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "session" DROP CONSTRAINT "session_branch_prefix";--> statement-breakpoint
ALTER TABLE "task" DROP CONSTRAINT "task_trigger_known";--> statement-breakpoint
DROP INDEX "session_branch_once";--> statement-breakpoint
ALTER TABLE "session" ADD COLUMN "writes" text DEFAULT 'own-branch' NOT NULL;--> statement-breakpoint
ALTER TABLE "session" ADD COLUMN "autofix" boolean;--> statement-breakpoint
ALTER TABLE "task" ADD COLUMN "leg" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "task" ADD COLUMN "question" jsonb;--> statement-breakpoint
ALTER TABLE "task" ADD COLUMN "answer" jsonb;--> statement-breakpoint
ALTER TABLE "task" ADD COLUMN "undone_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "greeting" ADD CONSTRAINT "greeting_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ignored_trigger" ADD CONSTRAINT "ignored_trigger_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "saved_task" ADD CONSTRAINT "saved_task_repository_id_repository_id_fk" FOREIGN KEY ("repository_id") REFERENCES "public"."repository"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "saved_task" ADD CONSTRAINT "saved_task_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "steering" ADD CONSTRAINT "steering_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "feedback_open_idx" ON "feedback" USING btree ("session_id") WHERE task_id is null;--> statement-breakpoint
CREATE INDEX "ignored_trigger_thread_idx" ON "ignored_trigger" USING btree ("repository_id","issue_number","at");--> statement-breakpoint
CREATE INDEX "task_waiting_idx" ON "task" USING btree ("id") WHERE status = 'waiting';--> statement-breakpoint
CREATE UNIQUE INDEX "session_branch_once" ON "session" USING btree ("repository_id","branch") WHERE writes = 'own-branch';--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_writes_known" CHECK ("session"."writes" in ('own-branch', 'pull-head', 'nothing'));--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_branch_prefix" CHECK ("session"."writes" <> 'own-branch' or "session"."branch" like 'claude/%');--> statement-breakpoint
ALTER TABLE "task" ADD CONSTRAINT "task_waiting_has_question" CHECK (status <> 'waiting' or question is not null);--> statement-breakpoint
ALTER TABLE "task" ADD CONSTRAINT "task_trigger_known" CHECK ("task"."trigger" in ('comment', 'label', 'assign', 'review-comment', 'review', 'feedback', 'checks', 'conflict'));--> statement-breakpoint
CREATE POLICY "feedback_account" ON "feedback" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "feedback_system" ON "feedback" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "greeting_account" ON "greeting" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "greeting_system" ON "greeting" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "ignored_trigger_account" ON "ignored_trigger" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "ignored_trigger_system" ON "ignored_trigger" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "saved_task_account" ON "saved_task" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "saved_task_system" ON "saved_task" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "steering_account" ON "steering" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "steering_system" ON "steering" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "steering", "feedback", "ignored_trigger", "greeting", "saved_task" TO "remote_claude_app", "remote_claude_system";
