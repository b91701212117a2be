CREATE TABLE "checkpoint" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"fence" integer NOT NULL,
	"base_sha" text NOT NULL,
	"tree_sha" text NOT NULL,
	"claude_session_id" uuid NOT NULL,
	"transcript_sha256" text,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "checkpoint_bytes" CHECK ("checkpoint"."bytes" > 0)
);
--> statement-breakpoint
ALTER TABLE "checkpoint" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "sandbox" (
	"provider" text NOT NULL,
	"id" text NOT NULL,
	"account_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"fence" integer NOT NULL,
	"status" text NOT NULL,
	"setup" jsonb,
	"ahead_since" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"end_reason" text,
	CONSTRAINT "sandbox_provider_id_pk" PRIMARY KEY("provider","id"),
	CONSTRAINT "sandbox_ended_has_time" CHECK ((status = 'ended') = (ended_at is not null)),
	CONSTRAINT "sandbox_status_known" CHECK ("sandbox"."status" in ('running', 'paused', 'ending', 'ended'))
);
--> statement-breakpoint
ALTER TABLE "sandbox" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
UPDATE "session" SET "claude_session_id" = "id" WHERE "claude_session_id" IS NULL;--> statement-breakpoint
ALTER TABLE "session" ALTER COLUMN "claude_session_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "task" ADD COLUMN "notices" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sandbox" ADD CONSTRAINT "sandbox_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "checkpoint_session_idx" ON "checkpoint" USING btree ("session_id","id");--> statement-breakpoint
CREATE INDEX "sandbox_session_idx" ON "sandbox" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "sandbox_open_idx" ON "sandbox" USING btree ("used_at") WHERE status <> 'ended';--> statement-breakpoint
CREATE POLICY "checkpoint_account" ON "checkpoint" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "checkpoint_system" ON "checkpoint" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sandbox_account" ON "sandbox" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "sandbox_system" ON "sandbox" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "sandbox", "checkpoint" TO "remote_claude_app", "remote_claude_system";
