CREATE TABLE "reply" (
	"repository_id" bigint NOT NULL,
	"issue_number" integer NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"account_id" uuid NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"said_at" timestamp with time zone,
	CONSTRAINT "reply_repository_id_issue_number_kind_key_pk" PRIMARY KEY("repository_id","issue_number","kind","key")
);
--> statement-breakpoint
ALTER TABLE "reply" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "reply" ADD CONSTRAINT "reply_repository_id_repository_id_fk" FOREIGN KEY ("repository_id") REFERENCES "public"."repository"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reply" ADD CONSTRAINT "reply_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE POLICY "reply_account" ON "reply" AS PERMISSIVE FOR ALL TO "remote_claude_app" USING ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid) WITH CHECK ("account_id" = nullif(current_setting('app.account_id', true), '')::uuid);--> statement-breakpoint
CREATE POLICY "reply_system" ON "reply" AS PERMISSIVE FOR ALL TO "remote_claude_system" USING (true) WITH CHECK (true);--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "reply" TO "remote_claude_app", "remote_claude_system";
