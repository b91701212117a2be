-- Roles belong to the whole server, not to this database: another database, or another start at this moment, may have
-- made them. Losing such a race shows as one of the conditions caught below, after which the next round finds them there.
DO $$
DECLARE
	wanted text;
	usable boolean;
	try int;
BEGIN
	FOREACH wanted IN ARRAY ARRAY['remote_claude_app', 'remote_claude_system'] LOOP
		FOR try IN 1..20 LOOP
			BEGIN
				IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
					EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', wanted);
				END IF;
				-- From PostgreSQL 16 on, whoever makes a role may administer it but not yet become it.
				IF current_setting('server_version_num')::int >= 160000 THEN
					usable := pg_has_role(current_user, wanted, 'SET');
				ELSE
					usable := pg_has_role(current_user, wanted, 'MEMBER');
				END IF;
				IF NOT usable THEN
					EXECUTE format('GRANT %I TO %I', wanted, current_user);
				END IF;
				EXIT;
			EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
				IF try = 20 THEN
					RAISE;
				END IF;
				PERFORM pg_sleep(0.05);
			END;
		END LOOP;
		IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted AND (rolsuper OR rolbypassrls)) THEN
			RAISE EXCEPTION 'the role % exists and may bypass row-level security', wanted
				USING ERRCODE = 'invalid_role_specification', HINT = format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS', wanted);
		END IF;
	END LOOP;
END
$$;
--> statement-breakpoint
CREATE TABLE "account" (
	"id" uuid PRIMARY KEY NOT NULL,
	"github_id" bigint NOT NULL,
	"login" text NOT NULL,
	"kind" text NOT NULL,
	"max_parallel_tasks" integer DEFAULT 3 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "account_github_id_unique" UNIQUE("github_id"),
	CONSTRAINT "account_max_parallel_tasks" CHECK ("account"."max_parallel_tasks" > 0),
	CONSTRAINT "account_kind_known" CHECK ("account"."kind" in ('Organization', 'User'))
);
--> statement-breakpoint
ALTER TABLE "account" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "delivery" (
	"id" text PRIMARY KEY NOT NULL,
	"event" text NOT NULL,
	"action" text,
	"installation_id" bigint,
	"repository_id" bigint,
	"business_key" text,
	"payload" "bytea" NOT NULL,
	"source" text NOT NULL,
	"status" text NOT NULL,
	"error" text,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"processed_at" timestamp with time zone,
	CONSTRAINT "delivery_business_key_unique" UNIQUE("business_key"),
	CONSTRAINT "delivery_source_known" CHECK ("delivery"."source" in ('webhook', 'recovered')),
	CONSTRAINT "delivery_status_known" CHECK ("delivery"."status" in ('stored', 'queued', 'done', 'dead'))
);
--> statement-breakpoint
CREATE TABLE "event" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"task_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"fence" integer NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "event_once" UNIQUE("task_id","fence","sequence")
);
--> statement-breakpoint
ALTER TABLE "event" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "installation" (
	"id" bigint PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"repository_selection" text NOT NULL,
	"permissions" jsonb NOT NULL,
	"suspended_at" timestamp with time zone,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "installation_selection_known" CHECK ("installation"."repository_selection" in ('all', 'selected'))
);
--> statement-breakpoint
ALTER TABLE "installation" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "model_call" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"fence" integer NOT NULL,
	"model" text NOT NULL,
	"status" text NOT NULL,
	"reserved_micro_usd" bigint NOT NULL,
	"cost_micro_usd" bigint,
	"input_tokens" integer DEFAULT 0 NOT NULL,
	"output_tokens" integer DEFAULT 0 NOT NULL,
	"cache_read_tokens" integer DEFAULT 0 NOT NULL,
	"cache_write_5m_tokens" integer DEFAULT 0 NOT NULL,
	"cache_write_1h_tokens" integer DEFAULT 0 NOT NULL,
	"http_status" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "model_call_settled_has_cost" CHECK ((status <> 'settled') or (cost_micro_usd is not null)),
	CONSTRAINT "model_call_status_known" CHECK ("model_call"."status" in ('reserved', 'settled', 'refused'))
);
--> statement-breakpoint
ALTER TABLE "model_call" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rate_bucket" (
	"installation_id" bigint PRIMARY KEY NOT NULL,
	"tokens_milli" bigint NOT NULL,
	"refilled_at" timestamp with time zone NOT NULL,
	"blocked_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "repository" (
	"id" bigint PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"installation_id" bigint NOT NULL,
	"owner" text NOT NULL,
	"name" text NOT NULL,
	"private" boolean NOT NULL,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "repository" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "session" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"repository_id" bigint NOT NULL,
	"issue_number" integer NOT NULL,
	"status" text DEFAULT 'provisioning' NOT NULL,
	"branch" text NOT NULL,
	"base_ref" text,
	"base_sha" text,
	"head_sha" text,
	"pull_number" integer,
	"claude_session_id" uuid,
	"sandbox_provider" text,
	"sandbox_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "session_account_pair" UNIQUE("id","account_id"),
	CONSTRAINT "session_branch_prefix" CHECK ("session"."branch" like 'claude/%'),
	CONSTRAINT "session_status_known" CHECK ("session"."status" in ('provisioning', 'active', 'paused', 'terminated', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "session" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "step" (
	"task_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text NOT NULL,
	"attempt" integer DEFAULT 1 NOT NULL,
	"fence" integer NOT NULL,
	"status" text NOT NULL,
	"result" jsonb,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "step_task_id_name_pk" PRIMARY KEY("task_id","name"),
	CONSTRAINT "step_status_known" CHECK ("step"."status" in ('started', 'done')),
	CONSTRAINT "step_done_has_time" CHECK ((status = 'done') = (finished_at is not null))
);
--> statement-breakpoint
ALTER TABLE "step" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "task" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"installation_id" bigint NOT NULL,
	"repository_id" bigint NOT NULL,
	"issue_number" integer NOT NULL,
	"business_key" text NOT NULL,
	"delivery_id" text NOT NULL,
	"trigger" text NOT NULL,
	"trigger_comment_id" bigint,
	"verb" text NOT NULL,
	"instruction" text NOT NULL,
	"options" jsonb NOT NULL,
	"requester_id" bigint NOT NULL,
	"requester_login" text NOT NULL,
	"context" jsonb NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"fence" integer DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"cancel_requested_at" timestamp with time zone,
	"cancel_requested_by" text,
	"budget_micro_usd" bigint NOT NULL,
	"prompt" text,
	"todos" jsonb,
	"outcome" jsonb,
	"receipt" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"reported_at" timestamp with time zone,
	CONSTRAINT "task_business_key_unique" UNIQUE("business_key"),
	CONSTRAINT "task_account_pair" UNIQUE("id","account_id"),
	CONSTRAINT "task_finished_has_time" CHECK ((status in ('completed', 'failed', 'cancelled', 'timeout')) = (finished_at is not null)),
	CONSTRAINT "task_budget_positive" CHECK ("task"."budget_micro_usd" > 0),
	CONSTRAINT "task_trigger_known" CHECK ("task"."trigger" in ('comment', 'label', 'assign')),
	CONSTRAINT "task_status_known" CHECK ("task"."status" in ('queued', 'provisioning', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'timeout'))
);
--> statement-breakpoint
ALTER TABLE "task" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "turn_token" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"fence" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "turn_token" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"model_call_id" uuid NOT NULL,
	"model" text NOT NULL,
	"input_tokens" integer NOT NULL,
	"output_tokens" integer NOT NULL,
	"cache_read_tokens" integer NOT NULL,
	"cache_write_5m_tokens" integer NOT NULL,
	"cache_write_1h_tokens" integer NOT NULL,
	"cost_micro_usd" bigint NOT NULL,
	"price_micro_usd" bigint NOT NULL,
	"fault" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "usage_once" UNIQUE("task_id","attempt","model_call_id"),
	CONSTRAINT "usage_platform_is_free" CHECK ("usage"."fault" <> 'platform' or "usage"."price_micro_usd" = 0),
	CONSTRAINT "usage_fault_known" CHECK ("usage"."fault" in ('none', 'platform')),
	CONSTRAINT "usage_not_negative" CHECK ("usage"."cost_micro_usd" >= 0 and "usage"."price_micro_usd" >= 0)
);
--> statement-breakpoint
ALTER TABLE "usage" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "watermark" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "event" ADD CONSTRAINT "event_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "installation" ADD CONSTRAINT "installation_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_call" ADD CONSTRAINT "model_call_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repository" ADD CONSTRAINT "repository_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repository" ADD CONSTRAINT "repository_installation_id_installation_id_fk" FOREIGN KEY ("installation_id") REFERENCES "public"."installation"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_repository_id_repository_id_fk" FOREIGN KEY ("repository_id") REFERENCES "public"."repository"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "step" ADD CONSTRAINT "step_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task" ADD CONSTRAINT "task_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task" ADD CONSTRAINT "task_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "turn_token" ADD CONSTRAINT "turn_token_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage" ADD CONSTRAINT "usage_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "delivery_received_idx" ON "delivery" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "installation_account_idx" ON "installation" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "model_call_task_idx" ON "model_call" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "repository_account_idx" ON "repository" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "repository_installation_idx" ON "repository" USING btree ("installation_id");--> statement-breakpoint
CREATE UNIQUE INDEX "session_one_open_per_issue" ON "session" USING btree ("repository_id","issue_number") WHERE status not in ('terminated', 'failed');--> statement-breakpoint
CREATE UNIQUE INDEX "session_branch_once" ON "session" USING btree ("repository_id","branch");--> statement-breakpoint
CREATE UNIQUE INDEX "session_sandbox_once" ON "session" USING btree ("sandbox_provider","sandbox_id");--> statement-breakpoint
CREATE INDEX "session_account_idx" ON "session" USING btree ("account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "task_one_running_per_session" ON "task" USING btree ("session_id") WHERE status in ('provisioning', 'running');--> statement-breakpoint
CREATE INDEX "task_account_open_idx" ON "task" USING btree ("account_id","id") WHERE status in ('queued', 'provisioning', 'running', 'waiting');--> statement-breakpoint
CREATE INDEX "task_account_idx" ON "task" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "task_session_idx" ON "task" USING btree ("session_id","id");--> statement-breakpoint
CREATE INDEX "task_unreported_idx" ON "task" USING btree ("finished_at") WHERE finished_at is not null and reported_at is null;--> statement-breakpoint
CREATE INDEX "turn_token_task_idx" ON "turn_token" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "usage_account_idx" ON "usage" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE POLICY "account_account" ON "account" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "account_system" ON "account" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "event_account" ON "event" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "event_system" ON "event" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "installation_account" ON "installation" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "installation_system" ON "installation" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "model_call_account" ON "model_call" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "model_call_system" ON "model_call" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "repository_account" ON "repository" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "repository_system" ON "repository" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "session_account" ON "session" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "session_system" ON "session" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "step_account" ON "step" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "step_system" ON "step" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "task_account" ON "task" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "task_system" ON "task" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "turn_token_account" ON "turn_token" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "turn_token_system" ON "turn_token" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "usage_account" ON "usage" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "usage_system" ON "usage" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
-- The body arrives compressed; trying to compress it again would cost time and win nothing.
ALTER TABLE "delivery" ALTER COLUMN "payload" SET STORAGE EXTERNAL;--> statement-breakpoint
CREATE FUNCTION "usage_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'usage is append-only: % refused; a correction is a new row', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;--> statement-breakpoint
CREATE TRIGGER "usage_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "usage" FOR EACH STATEMENT EXECUTE FUNCTION "usage_append_only"();--> statement-breakpoint
GRANT USAGE ON SCHEMA "public" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "account", "event", "installation", "model_call", "rate_bucket", "repository", "session", "step", "task", "turn_token", "watermark" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT ON "usage" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "delivery" TO "remote_claude_system";--> statement-breakpoint
GRANT USAGE, SELECT ON SEQUENCE "event_id_seq" TO "remote_claude_app", "remote_claude_system";
