-- DropIndex
DROP INDEX "oauth_grant_team_id_user_id_created_at_id_idx";

-- AlterTable
ALTER TABLE "session" ADD COLUMN     "oauth_grant_id" UUID,
ADD COLUMN     "user_id" UUID,
ALTER COLUMN "api_key_id" DROP NOT NULL;

-- CreateIndex
CREATE INDEX "oauth_grant_user_id_created_at_id_idx" ON "oauth_grant"("user_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "oauth_grant_team_id_user_id_id_key" ON "oauth_grant"("team_id", "user_id", "id");

-- CreateIndex
CREATE INDEX "session_user_id_oauth_grant_id_idx" ON "session"("user_id", "oauth_grant_id") WHERE (user_id IS NOT NULL);

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey: of a program that ends, its person stays (a list of columns needs Postgres 15).
ALTER TABLE "session" ADD CONSTRAINT "session_team_id_user_id_oauth_grant_id_fkey" FOREIGN KEY ("team_id", "user_id", "oauth_grant_id") REFERENCES "oauth_grant"("team_id", "user_id", "id") ON DELETE SET NULL ("oauth_grant_id") ON UPDATE NO ACTION;

-- Which Prisma cannot say: a session has a key, or a person and, until it has ended, the program they let act for them.
ALTER TABLE "session" ADD CONSTRAINT "session_credential_check" CHECK (
    num_nonnulls("api_key_id", "user_id") = 1 AND ("oauth_grant_id" IS NULL OR "user_id" IS NOT NULL)
);
