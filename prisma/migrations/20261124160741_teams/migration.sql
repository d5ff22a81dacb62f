-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "created_by_api_key_id" UUID,
ADD COLUMN     "created_by_user_id" UUID,
ADD COLUMN     "last_used_address" TEXT,
ADD COLUMN     "replaces_id" UUID;

-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "idle_expiry_seconds" INTEGER,
ADD COLUMN     "last_used_at" TIMESTAMP(3);

-- AlterTable
ALTER TABLE "team" ADD COLUMN     "preview_idle_expiry_seconds" INTEGER;

-- CreateTable
CREATE TABLE "invitation" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "role" "role" NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "invitation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "invitation_token_hash_key" ON "invitation"("token_hash");

-- CreateIndex
CREATE INDEX "invitation_team_id_created_at_id_idx" ON "invitation"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "invitation_team_id_email_key" ON "invitation"("team_id", "email");

-- CreateIndex
CREATE INDEX "api_key_team_id_created_by_user_id_idx" ON "api_key"("team_id", "created_by_user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_team_id_replaces_id_key" ON "api_key"("team_id", "replaces_id");

-- CreateIndex
CREATE INDEX "audit_event_team_id_actor_id_at_id_idx" ON "audit_event"("team_id", "actor_id", "at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_team_id_action_at_id_idx" ON "audit_event"("team_id", "action", "at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_team_id_target_id_at_id_idx" ON "audit_event"("team_id", "target_id", "at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "preview_expires_at_idx" ON "preview"("expires_at") WHERE (expires_at IS NOT NULL);

-- AddForeignKey
ALTER TABLE "invitation" ADD CONSTRAINT "invitation_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_team_id_replaces_id_fkey" FOREIGN KEY ("team_id", "replaces_id") REFERENCES "api_key"("team_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- Scopes became finer: what a key could do before, it can do still.
UPDATE "api_key" SET "scopes" = "scopes" || ARRAY['intercepts:read', 'sessions:read'] WHERE 'previews:read' = ANY("scopes");
UPDATE "api_key" SET "scopes" = "scopes" || ARRAY['intercepts:write', 'sessions:write'] WHERE 'previews:write' = ANY("scopes");
UPDATE "api_key" SET "scopes" = "scopes" || ARRAY['audit:read'] WHERE 'team:read' = ANY("scopes");
