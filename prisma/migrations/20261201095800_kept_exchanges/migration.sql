-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "keep_count" INTEGER,
ADD COLUMN     "keep_hours" INTEGER;

-- AlterTable
ALTER TABLE "team" ADD COLUMN     "keep_bodies" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "keep_max_count" INTEGER,
ADD COLUMN     "keep_max_hours" INTEGER,
ADD COLUMN     "keep_policy_version" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "keep_redacted_names" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "kept_exchange_key" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "sealed_with" VARCHAR(64) NOT NULL,
    "sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "kept_exchange_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "kept_exchange" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "started_at" TIMESTAMP(3) NOT NULL,
    "kept_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "omitted" INTEGER NOT NULL DEFAULT 0,
    "key_id" UUID,
    "sealed" BYTEA,
    "sealed_bodies" BYTEA,

    CONSTRAINT "kept_exchange_pkey" PRIMARY KEY ("team_id","preview_id","id")
);

-- CreateIndex
CREATE INDEX "kept_exchange_key_sealed_with_idx" ON "kept_exchange_key"("sealed_with");

-- CreateIndex
CREATE UNIQUE INDEX "kept_exchange_key_team_id_preview_id_id_key" ON "kept_exchange_key"("team_id", "preview_id", "id");

-- CreateIndex
CREATE INDEX "kept_exchange_team_id_preview_id_started_at_id_idx" ON "kept_exchange"("team_id", "preview_id", "started_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "kept_exchange_team_id_preview_id_key_id_idx" ON "kept_exchange"("team_id", "preview_id", "key_id");

-- CreateIndex
CREATE INDEX "kept_exchange_expires_at_idx" ON "kept_exchange"("expires_at");

-- AddForeignKey
ALTER TABLE "kept_exchange_key" ADD CONSTRAINT "kept_exchange_key_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "kept_exchange" ADD CONSTRAINT "kept_exchange_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "kept_exchange" ADD CONSTRAINT "kept_exchange_team_id_preview_id_key_id_fkey" FOREIGN KEY ("team_id", "preview_id", "key_id") REFERENCES "kept_exchange_key"("team_id", "preview_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;
