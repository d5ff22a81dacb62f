-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "allow_upgrades" BOOLEAN NOT NULL DEFAULT false;
