ALTER TABLE "billing_outbox" DROP COLUMN "sought_at";
