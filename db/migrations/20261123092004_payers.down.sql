-- Which customer at Stripe an account has is gone; the next visit finds it by its metadata. The audit log keeps what was written.
ALTER TABLE "billing_account" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "billing_notice" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
DROP POLICY "billing_account_account" ON "billing_account" CASCADE;
--> statement-breakpoint
DROP POLICY "billing_account_system" ON "billing_account" CASCADE;
--> statement-breakpoint
DROP TABLE "billing_account" CASCADE;
--> statement-breakpoint
DROP POLICY "billing_notice_account" ON "billing_notice" CASCADE;
--> statement-breakpoint
DROP POLICY "billing_notice_system" ON "billing_notice" CASCADE;
--> statement-breakpoint
DROP TABLE "billing_notice" CASCADE;
--> statement-breakpoint
DROP TABLE "stripe_event" CASCADE;
--> statement-breakpoint
ALTER TABLE "audit" DROP CONSTRAINT "audit_act_known";
--> statement-breakpoint
ALTER TABLE "audit" ADD CONSTRAINT "audit_act_known" CHECK ("audit"."act" in ('gate-admitted', 'gate-refused', 'task-created', 'task-answered', 'task-ended', 'token-minted', 'pushed', 'pull-request-opened', 'session-ended', 'sandbox-ended', 'settings-overridden', 'key-in-use', 'operator-acted')) NOT VALID;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION "billing_outbox_frozen"() RETURNS trigger LANGUAGE plpgsql AS $$
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
$$;
