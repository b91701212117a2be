DROP TABLE "reply";
