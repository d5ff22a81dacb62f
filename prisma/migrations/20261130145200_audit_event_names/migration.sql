-- AlterTable
ALTER TABLE "audit_event" ADD COLUMN     "actor_name" TEXT,
ADD COLUMN     "target_name" TEXT;

-- Events that were written without names get those that are still known.
UPDATE "audit_event" e SET "actor_name" = COALESCE(NULLIF(u."name", ''), u."email")
FROM "user" u WHERE e."actor_kind" = 'user' AND e."actor_id" = u."id"::text;

UPDATE "audit_event" e SET "actor_name" = k."name"
FROM "api_key" k WHERE e."actor_kind" = 'api-key' AND e."team_id" = k."team_id" AND e."actor_id" = k."id"::text;

UPDATE "audit_event" SET "target_name" = CASE
  WHEN "action" LIKE 'preview.%' THEN COALESCE("after"->>'hostname', "before"->>'hostname')
  WHEN "action" LIKE 'program.%' THEN COALESCE("after"->>'program', "before"->>'program')
  WHEN "action" LIKE 'member.%' OR "action" LIKE 'invitation.%' THEN COALESCE("after"->>'email', "before"->>'email')
  ELSE COALESCE("after"->>'name', "before"->>'name')
END;

UPDATE "audit_event" e SET "target_name" = k."name"
FROM "api_key" k
WHERE e."target_name" IS NULL AND e."action" LIKE 'api-key.%' AND e."team_id" = k."team_id" AND e."target_id" = k."id"::text;

UPDATE "audit_event" e SET "target_name" = p."hostname"
FROM "preview" p
WHERE e."target_name" IS NULL AND e."action" LIKE 'preview.%' AND e."team_id" = p."team_id" AND e."target_id" = p."id"::text;

UPDATE "audit_event" e SET "target_name" = i."name"
FROM "intercept" i
WHERE e."target_name" IS NULL AND e."action" LIKE 'intercept.%' AND e."team_id" = i."team_id" AND e."target_id" = i."id";

UPDATE "audit_event" e SET "target_name" = m."name"
FROM "traffic_manager" m
WHERE e."target_name" IS NULL AND e."action" LIKE 'traffic-manager.%' AND e."team_id" = m."team_id" AND e."target_id" = m."id"::text;

UPDATE "audit_event" e SET "target_name" = u."email"
FROM "user" u
WHERE e."target_name" IS NULL AND (e."action" LIKE 'member.%' OR e."action" LIKE 'user.%') AND e."target_id" = u."id"::text;
