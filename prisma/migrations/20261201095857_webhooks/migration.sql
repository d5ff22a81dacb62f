-- CreateEnum
CREATE TYPE "webhook_format" AS ENUM ('standard', 'slack');

-- CreateEnum
CREATE TYPE "webhook_state" AS ENUM ('enabled', 'disabled');

-- CreateEnum
CREATE TYPE "webhook_delivery_state" AS ENUM ('pending', 'delivered', 'failed');

-- CreateTable
CREATE TABLE "webhook" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "url" VARCHAR(2048) NOT NULL,
    "format" "webhook_format" NOT NULL,
    "events" TEXT[],
    "secret" VARCHAR(512) NOT NULL,
    "state" "webhook_state" NOT NULL,
    "disabled_reason" VARCHAR(32),
    "failing_since" TIMESTAMP(3),
    "dropped_count" INTEGER NOT NULL DEFAULT 0,
    "leased_until" TIMESTAMP(3) NOT NULL,
    "turn_at" TIMESTAMP(3) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "webhook_id" UUID NOT NULL,
    "type" VARCHAR(64) NOT NULL,
    "payload" TEXT NOT NULL,
    "state" "webhook_delivery_state" NOT NULL,
    "attempt_count" INTEGER NOT NULL,
    "next_attempt_at" TIMESTAMP(3) NOT NULL,
    "dedupe_key" VARCHAR(200),
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_attempt" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "delivery_id" UUID NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "status" INTEGER,
    "error" VARCHAR(300),
    "response_body" VARCHAR(1024) NOT NULL,

    CONSTRAINT "webhook_attempt_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "webhook_team_id_created_at_id_idx" ON "webhook"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "webhook_team_id_id_key" ON "webhook"("team_id", "id");

-- CreateIndex
CREATE INDEX "webhook_delivery_team_id_webhook_id_created_at_id_idx" ON "webhook_delivery"("team_id", "webhook_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "webhook_delivery_due_idx" ON "webhook_delivery"("webhook_id", "next_attempt_at") WHERE (state = 'pending');

-- CreateIndex
CREATE INDEX "webhook_delivery_created_at_idx" ON "webhook_delivery"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_delivery_team_id_id_key" ON "webhook_delivery"("team_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_delivery_webhook_id_dedupe_key_key" ON "webhook_delivery"("webhook_id", "dedupe_key");

-- CreateIndex
CREATE INDEX "webhook_attempt_team_id_delivery_id_at_idx" ON "webhook_attempt"("team_id", "delivery_id", "at" DESC);

-- AddForeignKey
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_team_id_webhook_id_fkey" FOREIGN KEY ("team_id", "webhook_id") REFERENCES "webhook"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_attempt" ADD CONSTRAINT "webhook_attempt_team_id_delivery_id_fkey" FOREIGN KEY ("team_id", "delivery_id") REFERENCES "webhook_delivery"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;
