-- AlterTable
ALTER TABLE "session" ADD COLUMN     "wanted_tunnels" INTEGER;
