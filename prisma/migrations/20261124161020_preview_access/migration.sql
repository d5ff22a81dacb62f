-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "allowed_domains" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "allowed_emails" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "share_link" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "hash" VARCHAR(64) NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "revoked_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "share_link_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "preview_token" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "hash" VARCHAR(64) NOT NULL,
    "expires_at" TIMESTAMP(3),
    "revoked_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "preview_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "preview_visit" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "hash" VARCHAR(64) NOT NULL,
    "user_id" UUID,
    "user_session_id" UUID,
    "share_link_id" UUID,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "preview_visit_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "access_code" (
    "hash" VARCHAR(64) NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "nonce_hash" VARCHAR(64) NOT NULL,
    "user_id" UUID NOT NULL,
    "user_session_id" UUID NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "access_code_pkey" PRIMARY KEY ("hash")
);

-- CreateIndex
CREATE UNIQUE INDEX "share_link_hash_key" ON "share_link"("hash");

-- CreateIndex
CREATE INDEX "share_link_team_id_preview_id_created_at_id_idx" ON "share_link"("team_id", "preview_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "share_link_team_id_id_key" ON "share_link"("team_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "preview_token_hash_key" ON "preview_token"("hash");

-- CreateIndex
CREATE INDEX "preview_token_team_id_preview_id_created_at_id_idx" ON "preview_token"("team_id", "preview_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "preview_token_team_id_id_key" ON "preview_token"("team_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "preview_visit_hash_key" ON "preview_visit"("hash");

-- CreateIndex
CREATE INDEX "preview_visit_team_id_preview_id_idx" ON "preview_visit"("team_id", "preview_id");

-- CreateIndex
CREATE INDEX "preview_visit_team_id_share_link_id_idx" ON "preview_visit"("team_id", "share_link_id");

-- CreateIndex
CREATE INDEX "preview_visit_user_id_idx" ON "preview_visit"("user_id");

-- CreateIndex
CREATE INDEX "preview_visit_user_session_id_idx" ON "preview_visit"("user_session_id");

-- CreateIndex
CREATE INDEX "preview_visit_expires_at_idx" ON "preview_visit"("expires_at");

-- CreateIndex
CREATE INDEX "access_code_team_id_preview_id_idx" ON "access_code"("team_id", "preview_id");

-- CreateIndex
CREATE INDEX "access_code_user_id_idx" ON "access_code"("user_id");

-- CreateIndex
CREATE INDEX "access_code_expires_at_idx" ON "access_code"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "preview_team_id_id_key" ON "preview"("team_id", "id");

-- AddForeignKey
ALTER TABLE "share_link" ADD CONSTRAINT "share_link_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "preview_token" ADD CONSTRAINT "preview_token_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "preview_visit" ADD CONSTRAINT "preview_visit_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "preview_visit" ADD CONSTRAINT "preview_visit_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "preview_visit" ADD CONSTRAINT "preview_visit_team_id_share_link_id_fkey" FOREIGN KEY ("team_id", "share_link_id") REFERENCES "share_link"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "access_code" ADD CONSTRAINT "access_code_team_id_preview_id_fkey" FOREIGN KEY ("team_id", "preview_id") REFERENCES "preview"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "access_code" ADD CONSTRAINT "access_code_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
