-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "ends_with_session" BOOLEAN NOT NULL DEFAULT false;
