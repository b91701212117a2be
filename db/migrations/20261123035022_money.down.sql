-- What was charged is gone; the ledger's rows of machines stay, as rows of a model named after the provider.
ALTER TABLE "billing_outbox" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "budget_alert" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "charge" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "sandbox_use" DISABLE ROW LEVEL SECURITY;
--> statement-breakpoint
DROP POLICY "billing_outbox_account" ON "billing_outbox" CASCADE;
--> statement-breakpoint
DROP POLICY "billing_outbox_system" ON "billing_outbox" CASCADE;
--> statement-breakpoint
DROP TABLE "billing_outbox" CASCADE;
--> statement-breakpoint
DROP POLICY "budget_alert_account" ON "budget_alert" CASCADE;
--> statement-breakpoint
DROP POLICY "budget_alert_system" ON "budget_alert" CASCADE;
--> statement-breakpoint
DROP TABLE "budget_alert" CASCADE;
--> statement-breakpoint
DROP POLICY "charge_account" ON "charge" CASCADE;
--> statement-breakpoint
DROP POLICY "charge_system" ON "charge" CASCADE;
--> statement-breakpoint
DROP TABLE "charge" CASCADE;
--> statement-breakpoint
DROP POLICY "sandbox_use_account" ON "sandbox_use" CASCADE;
--> statement-breakpoint
DROP POLICY "sandbox_use_system" ON "sandbox_use" CASCADE;
--> statement-breakpoint
DROP TABLE "sandbox_use" CASCADE;
--> statement-breakpoint
ALTER TABLE "account" DROP CONSTRAINT "account_monthly_budget_positive";
--> statement-breakpoint
ALTER TABLE "usage" DROP CONSTRAINT "usage_kind_known";
--> statement-breakpoint
ALTER TABLE "account" DROP COLUMN "monthly_budget_micro_usd";
--> statement-breakpoint
ALTER TABLE "repository" DROP COLUMN "caps";
--> statement-breakpoint
ALTER TABLE "usage" DROP COLUMN "kind";
--> statement-breakpoint
ALTER TABLE "usage" DROP COLUMN "duration_ms";
--> statement-breakpoint
DROP FUNCTION "billing_outbox_frozen"();
--> statement-breakpoint
DROP FUNCTION "money_append_only"();
