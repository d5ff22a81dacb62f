-- CreateTable
CREATE TABLE "oauth_grant" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "client_id" TEXT NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL,
    "code_challenge" TEXT NOT NULL,
    "redirect_uri" TEXT NOT NULL,
    "code_expires_at" TIMESTAMP(3) NOT NULL,
    "code_used_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,
    "last_used_at" TIMESTAMP(3),
    "expires_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "oauth_grant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "oauth_access_token" (
    "hash" VARCHAR(64) NOT NULL,
    "team_id" UUID NOT NULL,
    "grant_id" UUID NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "oauth_access_token_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "oauth_refresh_token" (
    "hash" VARCHAR(64) NOT NULL,
    "team_id" UUID NOT NULL,
    "grant_id" UUID NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "parent_hash" VARCHAR(64),
    "superseded_at" TIMESTAMP(3),

    CONSTRAINT "oauth_refresh_token_pkey" PRIMARY KEY ("hash")
);

-- CreateIndex
CREATE UNIQUE INDEX "oauth_grant_code_hash_key" ON "oauth_grant"("code_hash");

-- CreateIndex
CREATE INDEX "oauth_grant_team_id_user_id_created_at_id_idx" ON "oauth_grant"("team_id", "user_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "oauth_grant_expires_at_idx" ON "oauth_grant"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "oauth_grant_team_id_id_key" ON "oauth_grant"("team_id", "id");

-- CreateIndex
CREATE INDEX "oauth_access_token_team_id_grant_id_idx" ON "oauth_access_token"("team_id", "grant_id");

-- CreateIndex
CREATE INDEX "oauth_access_token_expires_at_idx" ON "oauth_access_token"("expires_at");

-- CreateIndex
CREATE INDEX "oauth_refresh_token_team_id_grant_id_idx" ON "oauth_refresh_token"("team_id", "grant_id");

-- CreateIndex
CREATE INDEX "oauth_refresh_token_expires_at_idx" ON "oauth_refresh_token"("expires_at");

-- AddForeignKey
ALTER TABLE "oauth_grant" ADD CONSTRAINT "oauth_grant_team_id_user_id_fkey" FOREIGN KEY ("team_id", "user_id") REFERENCES "membership"("team_id", "user_id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "oauth_access_token" ADD CONSTRAINT "oauth_access_token_team_id_grant_id_fkey" FOREIGN KEY ("team_id", "grant_id") REFERENCES "oauth_grant"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "oauth_refresh_token" ADD CONSTRAINT "oauth_refresh_token_team_id_grant_id_fkey" FOREIGN KEY ("team_id", "grant_id") REFERENCES "oauth_grant"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;
