-- CreateEnum
CREATE TYPE "ingress_protocol" AS ENUM ('http1', 'h2c', 'h2');

-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "ingress_protocol" "ingress_protocol" NOT NULL DEFAULT 'http1';
