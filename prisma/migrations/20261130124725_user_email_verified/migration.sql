-- AlterTable
ALTER TABLE "user" ADD COLUMN     "is_email_verified" BOOLEAN NOT NULL DEFAULT true;
