-- AlterTable
ALTER TABLE "oauth_grant" ALTER COLUMN "code_challenge" DROP NOT NULL,
ALTER COLUMN "redirect_uri" DROP NOT NULL;

-- CreateTable
CREATE TABLE "device_authorization" (
    "device_code_hash" VARCHAR(64) NOT NULL,
    "user_code_hash" VARCHAR(64) NOT NULL,
    "client_id" TEXT NOT NULL,
    "device_name" VARCHAR(64),
    "address" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,
    "expires_at" TIMESTAMP(3) NOT NULL,
    "interval_seconds" INTEGER NOT NULL,
    "last_polled_at" TIMESTAMP(3),
    "decided_at" TIMESTAMP(3),

    CONSTRAINT "device_authorization_pkey" PRIMARY KEY ("device_code_hash")
);

-- CreateIndex
CREATE UNIQUE INDEX "device_authorization_user_code_hash_key" ON "device_authorization"("user_code_hash");

-- CreateIndex
CREATE INDEX "device_authorization_expires_at_idx" ON "device_authorization"("expires_at");
