CREATE TABLE "audit" (
	"account_id" uuid NOT NULL,
	"sequence" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"act" text NOT NULL,
	"actor" text NOT NULL,
	"data" jsonb NOT NULL,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_account_id_sequence_pk" PRIMARY KEY("account_id","sequence"),
	CONSTRAINT "audit_act_known" CHECK ("audit"."act" in ('gate-admitted', 'gate-refused', 'task-created', 'task-answered', 'task-ended', 'token-minted', 'pushed', 'pull-request-opened', 'session-ended', 'sandbox-ended', 'settings-overridden', 'key-in-use', 'operator-acted')),
	CONSTRAINT "audit_sequence_positive" CHECK ("audit"."sequence" > 0)
);
--> statement-breakpoint
ALTER TABLE "audit" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_head" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "audit_head" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "audit_at_idx" ON "audit" USING btree ("at");--> statement-breakpoint
CREATE POLICY "audit_account" ON "audit" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "audit_system" ON "audit" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_head_account" ON "audit_head" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "audit_head_system" ON "audit_head" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE FUNCTION "audit_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;--> statement-breakpoint
CREATE TRIGGER "audit_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit" FOR EACH STATEMENT EXECUTE FUNCTION "audit_append_only"();--> statement-breakpoint
CREATE TRIGGER "audit_head_keeps" BEFORE DELETE OR TRUNCATE ON "audit_head" FOR EACH STATEMENT EXECUTE FUNCTION "audit_append_only"();--> statement-breakpoint
CREATE FUNCTION "audit_head_forward"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.sequence < OLD.sequence
		OR (NEW.sequence = OLD.sequence AND NEW.hash IS DISTINCT FROM OLD.hash) THEN
		RAISE EXCEPTION 'audit_head of % only goes forward', OLD.account_id USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END
$$;--> statement-breakpoint
CREATE TRIGGER "audit_head_forward" BEFORE UPDATE ON "audit_head" FOR EACH ROW EXECUTE FUNCTION "audit_head_forward"();--> statement-breakpoint
GRANT SELECT, INSERT ON "audit" TO "remote_claude_app", "remote_claude_system";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON "audit_head" TO "remote_claude_app", "remote_claude_system";
