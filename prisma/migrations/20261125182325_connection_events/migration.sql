-- CreateEnum
CREATE TYPE "connection_change" AS ENUM ('connected', 'resumed', 'disconnected', 'ended');

-- AlterTable
ALTER TABLE "session" ADD COLUMN     "received_bytes" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "round_trip_ms" DOUBLE PRECISION,
ADD COLUMN     "sent_bytes" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "stream_count" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "connection_event" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "traffic_manager_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "change" "connection_change" NOT NULL,
    "kind" "tunnel_kind" NOT NULL,
    "edge_id" TEXT NOT NULL,
    "remote_address" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "reason" VARCHAR(32),
    "detail" VARCHAR(200) NOT NULL,
    "omitted_before" INTEGER NOT NULL,

    CONSTRAINT "connection_event_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "connection_event_team_id_traffic_manager_id_at_id_idx" ON "connection_event"("team_id", "traffic_manager_id", "at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "connection_event_at_idx" ON "connection_event"("at");

-- AddForeignKey
ALTER TABLE "connection_event" ADD CONSTRAINT "connection_event_team_id_traffic_manager_id_fkey" FOREIGN KEY ("team_id", "traffic_manager_id") REFERENCES "traffic_manager"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;
