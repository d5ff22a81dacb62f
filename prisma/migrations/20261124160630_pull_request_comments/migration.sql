-- CreateEnum
CREATE TYPE "pull_request_comment_status" AS ENUM ('pending', 'posted', 'failed', 'unsupported');

-- CreateTable
CREATE TABLE "pull_request_comment" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "preview_id" UUID NOT NULL,
    "pull_request_url" VARCHAR(2048) NOT NULL,
    "hostname" VARCHAR(253) NOT NULL,
    "workload" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "is_live" BOOLEAN NOT NULL,
    "expires_at" TIMESTAMP(3),
    "revision" INTEGER NOT NULL,
    "published_revision" INTEGER NOT NULL,
    "status" "pull_request_comment_status" NOT NULL,
    "detail" TEXT,
    "comment_id" TEXT,
    "comment_url" TEXT,
    "attempts" INTEGER NOT NULL,
    "next_attempt_at" TIMESTAMP(3) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "pull_request_comment_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "pull_request_comment_due_idx" ON "pull_request_comment"("next_attempt_at") WHERE (published_revision < revision);

-- CreateIndex
CREATE UNIQUE INDEX "pull_request_comment_team_id_preview_id_pull_request_url_key" ON "pull_request_comment"("team_id", "preview_id", "pull_request_url");

-- AddForeignKey
ALTER TABLE "pull_request_comment" ADD CONSTRAINT "pull_request_comment_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
