import type {
  ConnectionEvent,
  ConnectionEventDraft,
  ConnectionEventRepository,
  ConnectionReason,
  Page,
  PageRequest,
} from '@culvert/domain';
import type { Client } from '../client.js';
import type { ConnectionEventModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';

export class PrismaConnectionEventRepository implements ConnectionEventRepository {
  /** IDs of drafts that were appended, so that the next attempt has the same. */
  private readonly ids = new WeakMap<ConnectionEventDraft, string>();

  constructor(private readonly client: Client) {}

  async append(drafts: readonly ConnectionEventDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    const rows = JSON.stringify(drafts.map((draft) => ({ id: this.idOf(draft), ...draft })));
    await this.client.$executeRaw`
      INSERT INTO connection_event (
        id, team_id, traffic_manager_id, session_id, at, change, kind, edge_id, remote_address, version, reason, detail,
        omitted_before)
      SELECT e.id, m.team_id, m.id, e."sessionId", e.at, e.change, e.kind, e."edgeId", e."remoteAddress", e.version,
        e.reason, e.detail, e."omittedBefore"
      FROM jsonb_to_recordset(${rows}::jsonb) AS e(
        id uuid, "teamId" uuid, "trafficManagerId" uuid, "sessionId" uuid, at timestamp(3), change connection_change,
        kind tunnel_kind, "edgeId" text, "remoteAddress" text, version text, reason text, detail text,
        "omittedBefore" int)
      JOIN traffic_manager m ON m.team_id = e."teamId" AND m.id = e."trafficManagerId"
      ON CONFLICT (id) DO NOTHING`;
  }

  /** A server that hung may store a draft after the caller has given up and appends it again. */
  private idOf(draft: ConnectionEventDraft): string {
    let id = this.ids.get(draft);
    if (id === undefined) this.ids.set(draft, (id = newId()));
    return id;
  }

  async list(teamId: string, trafficManagerId: string, page: PageRequest): Promise<Page<ConnectionEvent>> {
    const { where, ...order } = pageQuery('at', page);
    if (!isUuid(teamId) || !isUuid(trafficManagerId)) return emptyPage();
    const rows = await this.client.connectionEvent.findMany({
      where: { teamId, trafficManagerId, ...where },
      ...order,
    });
    return toPage(rows, page, (row) => row.at, toConnectionEvent);
  }

  async removeBefore(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM connection_event WHERE id IN (
        SELECT id FROM connection_event WHERE at < ${before} ORDER BY at LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
  }
}

function toConnectionEvent(row: ConnectionEventModel): ConnectionEvent {
  return { ...row, reason: row.reason as ConnectionReason | null };
}
