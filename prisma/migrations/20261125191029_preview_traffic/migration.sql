-- CreateTable
CREATE TABLE "preview_traffic" (
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "minute" TIMESTAMP(3) NOT NULL,
    "requests" INTEGER NOT NULL,
    "client_errors" INTEGER NOT NULL,
    "server_errors" INTEGER NOT NULL,
    "edge_errors" INTEGER NOT NULL,
    "bytes_in" BIGINT NOT NULL,
    "bytes_out" BIGINT NOT NULL,
    "answers" INTEGER NOT NULL,
    "first_byte_ms_sum" DOUBLE PRECISION NOT NULL,
    "first_byte_ms_max" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "preview_traffic_pkey" PRIMARY KEY ("team_id","preview_id","minute")
);

-- CreateIndex
CREATE INDEX "preview_traffic_team_id_minute_idx" ON "preview_traffic"("team_id", "minute");

-- CreateIndex
CREATE INDEX "preview_traffic_minute_idx" ON "preview_traffic"("minute");

-- AddForeignKey
ALTER TABLE "preview_traffic" ADD CONSTRAINT "preview_traffic_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;
