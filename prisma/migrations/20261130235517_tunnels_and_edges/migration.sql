-- A session had one row for all its tunnels, and each edge that held one wrote the number, the load and the state of its
-- own. Now each open tunnel and each edge has a row, and a session is connected while it has a tunnel.
--
-- Sessions stay as they are. One that is connected has no tunnel yet: new edges mark it disconnected once no edge has seen
-- it for 30 seconds, and its traffic manager resumes it when it reconnects.
--
-- Edges of the former version can run beside new ones for the time of an upgrade. They write the columns tunnel_count,
-- stream_count, round_trip_ms and last_seen_at of the sessions that they hold, all of which stay; only the last one is still
-- read, to know that such a session is alive. Their sessions show no tunnels. If one of them marks a session disconnected
-- that has a tunnel at a new edge, new edges correct it within 40 seconds. It does not end such sessions as stale: their
-- last_seen_at is in the year 9999 while they are connected.

-- AlterTable
ALTER TABLE "session" ALTER COLUMN "tunnel_count" SET DEFAULT 0;

-- CreateTable
CREATE TABLE "edge" (
    "id" VARCHAR(64) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "version" VARCHAR(64) NOT NULL,
    "started_at" TIMESTAMP(3) NOT NULL,
    "last_seen_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "edge_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tunnel" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "edge_id" VARCHAR(64) NOT NULL,
    "kind" "tunnel_kind" NOT NULL,
    "remote_address" TEXT NOT NULL,
    "instance_id" VARCHAR(255) NOT NULL,
    "opened_at" TIMESTAMP(3) NOT NULL,
    "round_trip_ms" DOUBLE PRECISION,
    "stream_count" INTEGER NOT NULL DEFAULT 0,
    "received_bytes" BIGINT NOT NULL DEFAULT 0,
    "sent_bytes" BIGINT NOT NULL DEFAULT 0,
    "reported_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "tunnel_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "tunnel_team_id_session_id_idx" ON "tunnel"("team_id", "session_id");

-- CreateIndex
CREATE INDEX "tunnel_edge_id_idx" ON "tunnel"("edge_id");

-- CreateIndex
CREATE UNIQUE INDEX "session_team_id_id_key" ON "session"("team_id", "id");

-- AddForeignKey
ALTER TABLE "tunnel" ADD CONSTRAINT "tunnel_team_id_session_id_fkey" FOREIGN KEY ("team_id", "session_id") REFERENCES "session"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "tunnel" ADD CONSTRAINT "tunnel_edge_id_fkey" FOREIGN KEY ("edge_id") REFERENCES "edge"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;
