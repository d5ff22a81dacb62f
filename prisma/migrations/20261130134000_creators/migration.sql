-- AlterTable
ALTER TABLE "invitation" ADD COLUMN     "created_by_user_id" UUID;

-- AlterTable
ALTER TABLE "preview_token" ADD COLUMN     "created_by_user_id" UUID;

-- AlterTable
ALTER TABLE "share_link" ADD COLUMN     "created_by_user_id" UUID;

-- CreateIndex
CREATE INDEX "api_key_team_id_created_by_api_key_id_idx" ON "api_key"("team_id", "created_by_api_key_id");

-- CreateIndex
CREATE INDEX "invitation_team_id_created_by_user_id_idx" ON "invitation"("team_id", "created_by_user_id");

-- CreateIndex
CREATE INDEX "preview_token_team_id_created_by_user_id_idx" ON "preview_token"("team_id", "created_by_user_id");

-- CreateIndex
CREATE INDEX "share_link_team_id_created_by_user_id_idx" ON "share_link"("team_id", "created_by_user_id");

-- A key that rotated itself was written down as the maker of its successor. Keys now end with their maker, and a
-- successor must not.
UPDATE "api_key" SET "created_by_api_key_id" = NULL WHERE "created_by_api_key_id" = "replaces_id";
