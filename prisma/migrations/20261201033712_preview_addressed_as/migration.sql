-- CreateEnum
CREATE TYPE "addressed_as" AS ENUM ('l5host', 'target', 'preview');

-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "ingress_addressed_as" "addressed_as" NOT NULL DEFAULT 'l5host';
