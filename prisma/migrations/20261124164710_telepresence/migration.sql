-- AlterTable
ALTER TABLE "intercept" ADD COLUMN     "headers" JSONB NOT NULL DEFAULT '{}';

-- AlterTable
ALTER TABLE "traffic_manager" ADD COLUMN     "kind" "tunnel_kind" NOT NULL DEFAULT 'native';

-- CreateTable
CREATE TABLE "remembered_hostname" (
    "team_id" UUID NOT NULL,
    "client" VARCHAR(255) NOT NULL,
    "workload" VARCHAR(253) NOT NULL,
    "namespace" VARCHAR(63) NOT NULL,
    "name" VARCHAR(253) NOT NULL,
    "hostname" VARCHAR(253) NOT NULL,
    "free_at" TIMESTAMP(3),

    CONSTRAINT "remembered_hostname_pkey" PRIMARY KEY ("team_id","client","workload","namespace","name")
);

-- CreateIndex
CREATE UNIQUE INDEX "remembered_hostname_hostname_key" ON "remembered_hostname"("hostname");

-- CreateIndex
CREATE INDEX "remembered_hostname_free_at_idx" ON "remembered_hostname"("free_at") WHERE (free_at IS NOT NULL);

-- AddForeignKey
ALTER TABLE "remembered_hostname" ADD CONSTRAINT "remembered_hostname_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
