-- AlterTable
ALTER TABLE "intercept" ADD COLUMN     "removed_preview" JSONB;
