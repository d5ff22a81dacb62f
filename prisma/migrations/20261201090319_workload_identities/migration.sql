-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "workload_identity_id" UUID;

-- CreateTable
CREATE TABLE "workload_identity" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "platform" VARCHAR(16) NOT NULL,
    "issuer" VARCHAR(512) NOT NULL,
    "audience" VARCHAR(512) NOT NULL,
    "conditions" JSONB NOT NULL,
    "scopes" TEXT[],
    "token_lifetime_seconds" INTEGER NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "last_used_at" TIMESTAMP(3),
    "last_used_subject" TEXT,
    "created_by_user_id" UUID,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "workload_identity_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "workload_identity_team_id_created_at_id_idx" ON "workload_identity"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "workload_identity_team_id_id_key" ON "workload_identity"("team_id", "id");

-- CreateIndex
CREATE INDEX "api_key_workload_identity_id_expires_at_idx" ON "api_key"("workload_identity_id", "expires_at") WHERE (workload_identity_id IS NOT NULL);

-- AddForeignKey
ALTER TABLE "workload_identity" ADD CONSTRAINT "workload_identity_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
