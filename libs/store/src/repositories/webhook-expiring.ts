import type { WebhookEvent, WebhookEventDraft } from '@culvert/domain';
import type { Client } from '../client.js';
import { addEvents } from './webhook-outbox.js';

/** Maximum number of events of one kind that one call adds for one search. */
const MAX_FOUND = 500;

interface Expiring {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  readonly expiresAt: Date;
}

/** Adds events for previews and API keys that expire soon, once for each time of expiry. Returns the number of deliveries. */
export async function addExpiring(
  client: Client,
  now: Date,
  { previewsMs, apiKeysMs }: { readonly previewsMs: number; readonly apiKeysMs: number },
): Promise<number> {
  const until = (ms: number): Date => new Date(now.getTime() + ms);
  const previews = await client.$queryRaw<Expiring[]>`
    SELECT p.id, p.team_id AS "teamId", p.hostname AS name, p.expires_at AS "expiresAt" FROM preview p
    JOIN webhook w ON w.team_id = p.team_id AND w.state = 'enabled' AND 'preview.expiring' = ANY(w.events)
    WHERE p.expires_at > ${now} AND p.expires_at <= ${until(previewsMs)} AND NOT EXISTS (
      SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.dedupe_key
        = 'preview.expiring:' || p.id || ':' || (extract(epoch FROM p.expires_at) * 1000)::bigint)
    LIMIT ${MAX_FOUND}`;
  const keys = await client.$queryRaw<Expiring[]>`
    SELECT k.id, k.team_id AS "teamId", k.name, k.expires_at AS "expiresAt" FROM api_key k
    JOIN webhook w ON w.team_id = k.team_id AND w.state = 'enabled' AND 'api-key.expiring' = ANY(w.events)
    WHERE k.revoked_at IS NULL AND k.expires_at > ${now} AND k.expires_at <= ${until(apiKeysMs)} AND NOT EXISTS (
      SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.dedupe_key
        = 'api-key.expiring:' || k.id || ':' || (extract(epoch FROM k.expires_at) * 1000)::bigint)
    LIMIT ${MAX_FOUND}`;
  const ofPreview = ({ id, name, expiresAt }: Expiring) => ({ previewId: id, hostname: name, expiresAt });
  const ofKey = ({ id, name, expiresAt }: Expiring) => ({ apiKeyId: id, name, expiresAt });
  return (
    (await addEvents(client, eventsOf('preview.expiring', previews, ofPreview), now)) +
    (await addEvents(client, eventsOf('api-key.expiring', keys, ofKey), now))
  );
}

/** Two webhooks of a team find a resource twice; the event is the same. */
function eventsOf(
  type: WebhookEvent,
  found: readonly Expiring[],
  dataOf: (each: Expiring) => Record<string, unknown>,
): WebhookEventDraft[] {
  const byKey = new Map<string, WebhookEventDraft>();
  for (const each of found) {
    const dedupeKey = `${type}:${each.id}:${each.expiresAt.getTime()}`;
    byKey.set(dedupeKey, { teamId: each.teamId, type, data: dataOf(each), dedupeKey });
  }
  return [...byKey.values()];
}
