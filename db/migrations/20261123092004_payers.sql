CREATE TABLE "billing_account" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"stripe_customer_id" text,
	"subscription_id" text,
	"subscription_status" text,
	"collection_paused" boolean DEFAULT false NOT NULL,
	"ends_at" timestamp with time zone,
	"trial_ends_at" timestamp with time zone,
	"past_due_since" timestamp with time zone,
	"period_start" timestamp with time zone,
	"period_end" timestamp with time zone,
	"read_at" timestamp with time zone,
	"checkout_id" text,
	"checkout_expires_at" timestamp with time zone,
	"checkout_by" text,
	"open_disputes" text[] DEFAULT '{}' NOT NULL,
	"written_off" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_account_stripe_customer_id_unique" UNIQUE("stripe_customer_id"),
	CONSTRAINT "billing_account_subscription_id_unique" UNIQUE("subscription_id"),
	CONSTRAINT "billing_account_customer_shape" CHECK ("billing_account"."stripe_customer_id" like 'cus\_%'),
	CONSTRAINT "billing_account_subscription_shape" CHECK ("billing_account"."subscription_id" like 'sub\_%'),
	CONSTRAINT "billing_account_subscription_whole" CHECK ((subscription_id is null) = (subscription_status is null) and (subscription_id is null or (stripe_customer_id is not null and read_at is not null))),
	CONSTRAINT "billing_account_checkout_whole" CHECK ((checkout_id is null) = (checkout_expires_at is null) and (checkout_id is null) = (checkout_by is null))
);
--> statement-breakpoint
ALTER TABLE "billing_account" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "billing_notice" (
	"account_id" uuid NOT NULL,
	"notice" text NOT NULL,
	"period" text NOT NULL,
	"delivery_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_notice_account_id_notice_period_pk" PRIMARY KEY("account_id","notice","period")
);
--> statement-breakpoint
ALTER TABLE "billing_notice" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "stripe_event" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"livemode" boolean NOT NULL,
	"payload" "bytea" NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"processed_at" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"problem" text
);
--> statement-breakpoint
ALTER TABLE "audit" DROP CONSTRAINT "audit_act_known";--> statement-breakpoint
ALTER TABLE "billing_account" ADD CONSTRAINT "billing_account_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "billing_notice" ADD CONSTRAINT "billing_notice_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "billing_account_read_idx" ON "billing_account" USING btree ("read_at") WHERE stripe_customer_id is not null;--> statement-breakpoint
CREATE INDEX "stripe_event_due_idx" ON "stripe_event" USING btree ("next_at") WHERE processed_at is null;--> statement-breakpoint
CREATE INDEX "stripe_event_received_idx" ON "stripe_event" USING btree ("received_at");--> statement-breakpoint
ALTER TABLE "audit" ADD CONSTRAINT "audit_act_known" CHECK ("audit"."act" in ('gate-admitted', 'gate-refused', 'task-created', 'task-answered', 'task-ended', 'token-minted', 'pushed', 'pull-request-opened', 'session-ended', 'sandbox-ended', 'settings-overridden', 'key-in-use', 'operator-acted', 'billing-opened'));--> statement-breakpoint
CREATE POLICY "billing_account_account" ON "billing_account" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "billing_account_system" ON "billing_account" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "billing_notice_account" ON "billing_notice" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "billing_notice_system" ON "billing_notice" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
-- What Stripe took it may tell later that it could not count: that is written on the row, which else stays as it is.
CREATE OR REPLACE FUNCTION "billing_outbox_frozen"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.state = 'delivered' AND to_jsonb(NEW) - 'problem' = to_jsonb(OLD) - 'problem' THEN
		RETURN NEW;
	END IF;
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
GRANT SELECT, INSERT, UPDATE ON "billing_account" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT ON "billing_notice" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "stripe_event" TO "remote_claude_system";
