-- CreateTable
CREATE TABLE "team_requests" (
    "team_id" UUID NOT NULL,
    "minute" TIMESTAMP(3) NOT NULL,
    "requests" INTEGER NOT NULL,
    "previous" INTEGER NOT NULL,

    CONSTRAINT "team_requests_pkey" PRIMARY KEY ("team_id")
);

-- AddForeignKey
ALTER TABLE "team_requests" ADD CONSTRAINT "team_requests_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
