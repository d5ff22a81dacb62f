/** Adds events to the outbox of webhooks, as a part of the transaction that makes the change. */
import {
  MAX_PENDING_DELIVERIES,
  webhookPayload,
  type WebhookEvent,
  type WebhookEventDraft,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';

type Connection = Client | TransactionClient;

/**
 * Adds a delivery for each enabled webhook that subscribes to an event. Beyond MAX_PENDING_DELIVERIES, the oldest ones of
 * a webhook are dropped and counted.
 * @returns how many were added
 */
export async function addEvents(
  tx: Connection,
  events: readonly WebhookEventDraft[],
  at: Date,
): Promise<number> {
  if (events.length === 0) return 0;
  const rows = JSON.stringify(
    events.map((event) => ({
      teamId: event.teamId,
      type: event.type,
      payload: webhookPayload(event, at),
      key: event.dedupeKey ?? null,
    })),
  );
  // A webhook that is being removed is waited for, so that the foreign key cannot fail the caller's change.
  const added = await tx.$queryRaw<{ webhookId: string }[]>`
    WITH addressed AS (
      SELECT w.id, w.team_id, e.type, e.payload, e.key
      FROM jsonb_to_recordset(${rows}::jsonb) AS e("teamId" uuid, type text, payload text, key text)
      JOIN webhook w ON w.team_id = e."teamId" AND w.state = 'enabled' AND e.type = ANY(w.events)
      FOR KEY SHARE OF w)
    INSERT INTO webhook_delivery (id, team_id, webhook_id, type, payload, state, attempt_count, next_attempt_at,
      dedupe_key, created_at)
    SELECT gen_random_uuid(), team_id, id, type, payload, 'pending', 0, ${at}, key, ${at} FROM addressed
    ON CONFLICT (webhook_id, dedupe_key) DO NOTHING RETURNING webhook_id AS "webhookId"`;
  for (const id of new Set(added.map(({ webhookId }) => webhookId))) await dropOldest(tx, id);
  return added.length;
}

/** Returns those of these teams that have an enabled webhook for events of this type. */
export async function subscribers(
  tx: Connection,
  teamIds: readonly string[],
  type: WebhookEvent,
): Promise<ReadonlySet<string>> {
  const rows = await tx.webhook.findMany({
    where: { teamId: { in: [...new Set(teamIds)] }, state: 'enabled', events: { has: type } },
    select: { teamId: true },
  });
  return new Set(rows.map(({ teamId }) => teamId));
}

/** Adds events for sessions of traffic managers that began or ended. */
export async function addSessionEvents(
  tx: Connection,
  type: 'traffic-manager.up' | 'traffic-manager.down',
  sessions: readonly { readonly id: string; readonly teamId: string; readonly trafficManagerId: string }[],
  { at, reason }: { readonly at: Date; readonly reason?: string },
): Promise<void> {
  if (sessions.length === 0) return;
  const teams = await subscribers(
    tx,
    sessions.map(({ teamId }) => teamId),
    type,
  );
  const reported = sessions.filter(({ teamId }) => teams.has(teamId));
  if (reported.length === 0) return;
  const managers = await tx.trafficManager.findMany({
    where: { id: { in: reported.map(({ trafficManagerId }) => trafficManagerId) } },
    select: { id: true, managerId: true, name: true, clusterId: true },
  });
  const byId = new Map(managers.map((manager) => [manager.id, manager]));
  const events = reported.map(({ id: sessionId, teamId, trafficManagerId }) => {
    const { managerId = '', name = '', clusterId = '' } = byId.get(trafficManagerId) ?? {};
    const data = { trafficManagerId, managerId, name, clusterId, sessionId, ...(reason && { reason }) };
    return { teamId, type, data };
  });
  await addEvents(tx, events, at);
}

async function dropOldest(tx: Connection, webhookId: string): Promise<void> {
  await tx.$executeRaw`
    WITH dropped AS (
      DELETE FROM webhook_delivery WHERE id IN (
        SELECT id FROM webhook_delivery WHERE webhook_id = ${webhookId}::uuid AND state = 'pending'
        ORDER BY created_at DESC, id DESC OFFSET ${MAX_PENDING_DELIVERIES} FOR UPDATE SKIP LOCKED)
      RETURNING 1), counted AS (SELECT count(*)::integer AS count FROM dropped)
    UPDATE webhook SET dropped_count = dropped_count + counted.count FROM counted
    WHERE id = ${webhookId}::uuid AND counted.count > 0`;
}
