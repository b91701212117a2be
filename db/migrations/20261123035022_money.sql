CREATE TABLE "billing_outbox" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"charge_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"identifier" text NOT NULL,
	"value_cents" bigint NOT NULL,
	"event_at" timestamp with time zone NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"first_attempt_at" timestamp with time zone,
	"lease_until" timestamp with time zone,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	"delivered_via" text,
	"problem" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_outbox_identifier" UNIQUE("identifier"),
	CONSTRAINT "billing_outbox_kind_known" CHECK ("billing_outbox"."kind" in ('meter-event', 'meter-cancel', 'credit-note')),
	CONSTRAINT "billing_outbox_state_known" CHECK ("billing_outbox"."state" in ('pending', 'sending', 'delivered', 'reconcile', 'dead', 'superseded')),
	CONSTRAINT "billing_outbox_via_known" CHECK ("billing_outbox"."delivered_via" in ('ack', 'duplicate', 'reconciled')),
	CONSTRAINT "billing_outbox_identifier_short" CHECK (length("billing_outbox"."identifier") between 1 and 100),
	CONSTRAINT "billing_outbox_delivered" CHECK ((state = 'delivered') = (delivered_at is not null) and (delivered_at is null) = (delivered_via is null)),
	CONSTRAINT "billing_outbox_lease" CHECK ((state = 'sending') = (lease_until is not null)),
	CONSTRAINT "billing_outbox_attempted" CHECK ((attempts = 0) = (first_attempt_at is null))
);
--> statement-breakpoint
ALTER TABLE "billing_outbox" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "budget_alert" (
	"account_id" uuid NOT NULL,
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"period" text NOT NULL,
	"percent" integer NOT NULL,
	"task_id" uuid NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "budget_alert_account_id_scope_key_period_percent_pk" PRIMARY KEY("account_id","scope","key","period","percent"),
	CONSTRAINT "budget_alert_scope_known" CHECK ("budget_alert"."scope" in ('account', 'repository', 'user', 'session')),
	CONSTRAINT "budget_alert_percent" CHECK ("budget_alert"."percent" between 1 and 100)
);
--> statement-breakpoint
ALTER TABLE "budget_alert" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "charge" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"repository_id" bigint NOT NULL,
	"requester_id" bigint NOT NULL,
	"leg" integer NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"kind" text NOT NULL,
	"reason" text NOT NULL,
	"card" text NOT NULL,
	"last_attempt" integer NOT NULL,
	"cost_micro_usd" bigint NOT NULL,
	"price_micro_usd" bigint NOT NULL,
	"amount_cents" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "charge_once" UNIQUE("task_id","leg","revision"),
	CONSTRAINT "charge_account_pair" UNIQUE("id","account_id"),
	CONSTRAINT "charge_kind_known" CHECK ("charge"."kind" in ('charge', 'correction')),
	CONSTRAINT "charge_first_revision" CHECK (("charge"."revision" = 1) = ("charge"."kind" = 'charge') and "charge"."revision" > 0),
	CONSTRAINT "charge_not_negative" CHECK ("charge"."kind" <> 'charge' or ("charge"."cost_micro_usd" >= 0 and "charge"."price_micro_usd" >= 0 and "charge"."amount_cents" >= 0))
);
--> statement-breakpoint
ALTER TABLE "charge" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "sandbox_use" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"sequence" integer NOT NULL,
	"provider" text NOT NULL,
	"sandbox_id" text NOT NULL,
	"vcpus" integer NOT NULL,
	"memory_mib" integer NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	"cost_micro_usd" bigint NOT NULL,
	"card" text NOT NULL,
	CONSTRAINT "sandbox_use_once" UNIQUE("task_id","attempt","sequence"),
	CONSTRAINT "sandbox_use_forward" CHECK ("sandbox_use"."ended_at" >= "sandbox_use"."started_at"),
	CONSTRAINT "sandbox_use_not_negative" CHECK ("sandbox_use"."cost_micro_usd" >= 0 and "sandbox_use"."vcpus" >= 0 and "sandbox_use"."memory_mib" >= 0 and "sandbox_use"."sequence" > 0)
);
--> statement-breakpoint
ALTER TABLE "sandbox_use" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "account" ADD COLUMN "monthly_budget_micro_usd" bigint;--> statement-breakpoint
ALTER TABLE "repository" ADD COLUMN "caps" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "usage" ADD COLUMN "kind" text DEFAULT 'model' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage" ADD COLUMN "duration_ms" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_outbox" ADD CONSTRAINT "billing_outbox_charge_id_account_id_charge_id_account_id_fk" FOREIGN KEY ("charge_id","account_id") REFERENCES "public"."charge"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget_alert" ADD CONSTRAINT "budget_alert_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget_alert" ADD CONSTRAINT "budget_alert_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "charge" ADD CONSTRAINT "charge_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "charge" ADD CONSTRAINT "charge_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sandbox_use" ADD CONSTRAINT "sandbox_use_task_id_account_id_task_id_account_id_fk" FOREIGN KEY ("task_id","account_id") REFERENCES "public"."task"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sandbox_use" ADD CONSTRAINT "sandbox_use_session_id_account_id_session_id_account_id_fk" FOREIGN KEY ("session_id","account_id") REFERENCES "public"."session"("id","account_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "billing_outbox_one_sending" ON "billing_outbox" USING btree ("account_id") WHERE state = 'sending';--> statement-breakpoint
CREATE INDEX "billing_outbox_due_idx" ON "billing_outbox" USING btree ("next_at") WHERE state in ('pending', 'sending');--> statement-breakpoint
CREATE INDEX "billing_outbox_charge_idx" ON "billing_outbox" USING btree ("charge_id");--> statement-breakpoint
CREATE INDEX "charge_account_idx" ON "charge" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "charge_session_idx" ON "charge" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "sandbox_use_session_idx" ON "sandbox_use" USING btree ("session_id");--> statement-breakpoint
ALTER TABLE "account" ADD CONSTRAINT "account_monthly_budget_positive" CHECK ("account"."monthly_budget_micro_usd" > 0);--> statement-breakpoint
ALTER TABLE "usage" ADD CONSTRAINT "usage_kind_known" CHECK ("usage"."kind" in ('model', 'sandbox'));--> statement-breakpoint
CREATE POLICY "billing_outbox_account" ON "billing_outbox" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "billing_outbox_system" ON "billing_outbox" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "budget_alert_account" ON "budget_alert" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "budget_alert_system" ON "budget_alert" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "charge_account" ON "charge" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "charge_system" ON "charge" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "sandbox_use_account" ON "sandbox_use" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "sandbox_use_system" ON "sandbox_use" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE FUNCTION "money_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append-only: % refused; a correction is a new row', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;--> statement-breakpoint
CREATE TRIGGER "sandbox_use_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "sandbox_use" FOR EACH STATEMENT EXECUTE FUNCTION "money_append_only"();--> statement-breakpoint
CREATE TRIGGER "charge_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "charge" FOR EACH STATEMENT EXECUTE FUNCTION "money_append_only"();--> statement-breakpoint
CREATE TRIGGER "budget_alert_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "budget_alert" FOR EACH STATEMENT EXECUTE FUNCTION "money_append_only"();--> statement-breakpoint
CREATE TRIGGER "billing_outbox_keeps" BEFORE DELETE OR TRUNCATE ON "billing_outbox" FOR EACH STATEMENT EXECUTE FUNCTION "money_append_only"();--> statement-breakpoint
CREATE FUNCTION "billing_outbox_frozen"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.state IN ('delivered', 'superseded') THEN
		RAISE EXCEPTION 'billing_outbox % is %, which is its end', OLD.identifier, OLD.state USING ERRCODE = 'restrict_violation';
	END IF;
	IF (NEW.id, NEW.account_id, NEW.charge_id, NEW.kind, NEW.identifier, NEW.value_cents, NEW.event_at, NEW.created_at)
		IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.charge_id, OLD.kind, OLD.identifier, OLD.value_cents, OLD.event_at, OLD.created_at) THEN
		RAISE EXCEPTION 'billing_outbox %: what is to be said never changes', OLD.identifier USING ERRCODE = 'restrict_violation';
	END IF;
	IF NEW.attempts < OLD.attempts OR NEW.first_attempt_at IS DISTINCT FROM coalesce(OLD.first_attempt_at, NEW.first_attempt_at) THEN
		RAISE EXCEPTION 'billing_outbox %: attempts are never unsaid', OLD.identifier USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END
$$;--> statement-breakpoint
CREATE TRIGGER "billing_outbox_frozen" BEFORE UPDATE ON "billing_outbox" FOR EACH ROW EXECUTE FUNCTION "billing_outbox_frozen"();--> statement-breakpoint
GRANT SELECT, INSERT ON "sandbox_use", "charge", "budget_alert" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON "billing_outbox" TO "remote_claude_app", "remote_claude_system";
