-- CreateEnum
CREATE TYPE "role" AS ENUM ('owner', 'admin', 'member');

-- CreateEnum
CREATE TYPE "tunnel_kind" AS ENUM ('native', 'telepresence');

-- CreateEnum
CREATE TYPE "session_state" AS ENUM ('connected', 'disconnected', 'ended');

-- CreateEnum
CREATE TYPE "disposition" AS ENUM ('UNSPECIFIED', 'ACTIVE', 'WAITING', 'NO_CLIENT', 'NO_AGENT', 'NO_MECHANISM', 'NO_PORTS', 'AGENT_ERROR', 'BAD_ARGS');

-- CreateEnum
CREATE TYPE "preview_access" AS ENUM ('team', 'public');

-- CreateTable
CREATE TABLE "team" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "team_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user" (
    "id" UUID NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "membership" (
    "team_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "role" "role" NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "membership_pkey" PRIMARY KEY ("team_id","user_id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "hash" VARCHAR(64) NOT NULL,
    "scopes" TEXT[],
    "expires_at" TIMESTAMP(3),
    "revoked_at" TIMESTAMP(3),
    "last_used_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "traffic_manager" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "manager_id" VARCHAR(255) NOT NULL,
    "name" TEXT NOT NULL,
    "cluster_id" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "last_seen_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "traffic_manager_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "traffic_manager_id" UUID NOT NULL,
    "kind" "tunnel_kind" NOT NULL,
    "state" "session_state" NOT NULL,
    "api_key_id" UUID NOT NULL,
    "edge_id" TEXT NOT NULL,
    "remote_address" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "tunnel_count" INTEGER NOT NULL,
    "connected_at" TIMESTAMP(3) NOT NULL,
    "last_seen_at" TIMESTAMP(3) NOT NULL,
    "disconnected_at" TIMESTAMP(3),
    "ended_at" TIMESTAMP(3),
    "end_reason" TEXT,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "intercept" (
    "id" VARCHAR(512) NOT NULL,
    "team_id" UUID NOT NULL,
    "traffic_manager_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "workload" TEXT NOT NULL,
    "workload_kind" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "mechanism" TEXT NOT NULL,
    "mechanism_args" TEXT[],
    "target_host" TEXT NOT NULL,
    "target_port" INTEGER NOT NULL,
    "service_name" TEXT NOT NULL,
    "service_port_identifier" TEXT NOT NULL,
    "disposition" "disposition" NOT NULL,
    "message" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "intercept_pkey" PRIMARY KEY ("team_id","id")
);

-- CreateTable
CREATE TABLE "preview" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "hostname" VARCHAR(253) NOT NULL,
    "intercept_id" VARCHAR(512) NOT NULL,
    "traffic_manager_id" UUID NOT NULL,
    "ingress_host" TEXT NOT NULL,
    "ingress_port" INTEGER NOT NULL,
    "ingress_use_tls" BOOLEAN NOT NULL,
    "ingress_l5_host" TEXT NOT NULL,
    "ingress_verify_tls" BOOLEAN NOT NULL,
    "access" "preview_access" NOT NULL,
    "display_banner" BOOLEAN NOT NULL,
    "pull_request_url" TEXT,
    "add_request_headers" JSONB NOT NULL,
    "expires_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "preview_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_event" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT,
    "actor_address" TEXT,
    "action" TEXT NOT NULL,
    "target_id" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE INDEX "membership_user_id_idx" ON "membership"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE INDEX "api_key_team_id_created_at_id_idx" ON "api_key"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "api_key_team_id_id_key" ON "api_key"("team_id", "id");

-- CreateIndex
CREATE INDEX "traffic_manager_team_id_created_at_id_idx" ON "traffic_manager"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "traffic_manager_team_id_manager_id_key" ON "traffic_manager"("team_id", "manager_id");

-- CreateIndex
CREATE UNIQUE INDEX "traffic_manager_team_id_id_key" ON "traffic_manager"("team_id", "id");

-- CreateIndex
CREATE INDEX "session_living_last_seen_at_idx" ON "session"("last_seen_at") WHERE (state <> 'ended');

-- CreateIndex
CREATE INDEX "session_team_id_connected_at_id_idx" ON "session"("team_id", "connected_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "session_team_id_traffic_manager_id_state_connected_at_id_idx" ON "session"("team_id", "traffic_manager_id", "state", "connected_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "session_team_id_api_key_id_idx" ON "session"("team_id", "api_key_id");

-- CreateIndex
CREATE UNIQUE INDEX "session_living_key" ON "session"("team_id", "traffic_manager_id", "kind") WHERE (state <> 'ended');

-- CreateIndex
CREATE INDEX "intercept_team_id_created_at_id_idx" ON "intercept"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "intercept_team_id_traffic_manager_id_created_at_id_idx" ON "intercept"("team_id", "traffic_manager_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "intercept_team_id_id_traffic_manager_id_key" ON "intercept"("team_id", "id", "traffic_manager_id");

-- CreateIndex
CREATE UNIQUE INDEX "preview_hostname_key" ON "preview"("hostname");

-- CreateIndex
CREATE INDEX "preview_team_id_created_at_id_idx" ON "preview"("team_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "preview_team_id_intercept_id_created_at_id_idx" ON "preview"("team_id", "intercept_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "preview_team_id_traffic_manager_id_created_at_id_idx" ON "preview"("team_id", "traffic_manager_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_team_id_at_id_idx" ON "audit_event"("team_id", "at" DESC, "id" DESC);

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "traffic_manager" ADD CONSTRAINT "traffic_manager_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_team_id_traffic_manager_id_fkey" FOREIGN KEY ("team_id", "traffic_manager_id") REFERENCES "traffic_manager"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_team_id_api_key_id_fkey" FOREIGN KEY ("team_id", "api_key_id") REFERENCES "api_key"("team_id", "id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "intercept" ADD CONSTRAINT "intercept_team_id_traffic_manager_id_fkey" FOREIGN KEY ("team_id", "traffic_manager_id") REFERENCES "traffic_manager"("team_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "preview" ADD CONSTRAINT "preview_team_id_intercept_id_traffic_manager_id_fkey" FOREIGN KEY ("team_id", "intercept_id", "traffic_manager_id") REFERENCES "intercept"("team_id", "id", "traffic_manager_id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "audit_event" ADD CONSTRAINT "audit_event_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
