import { visibleName } from '@culvert/contract';
import {
  AuditLog,
  type ChangeAnnouncer,
  type ManagerIdTakenError,
  type Store,
  SYSTEM,
} from '@culvert/domain';
import type { Logger } from 'pino';

/** The audit log gets at most one entry for a traffic manager in this time. */
const QUIET_MS = 3_600_000;
/** Maximum number of traffic managers whose last entry is remembered. */
const MAX_REMEMBERED = 10_000;

const ACTION = 'traffic-manager.refuse';

/** A traffic manager that was refused, as it describes itself. */
export interface RefusedManager {
  readonly clusterId: string;
  readonly name: string;
  readonly remoteAddress: string;
}

/** Reports traffic managers that are refused because another cluster uses their manager id. */
export class ClusterConflicts {
  private readonly audit: AuditLog;
  /** When an entry about a traffic manager was last written or found, by its id. */
  private readonly recordedAt = new Map<string, number>();

  constructor(
    private readonly store: Pick<Store, 'auditEvents' | 'users'>,
    announcer: ChangeAnnouncer,
    private readonly log: Logger,
    private readonly now: () => number = Date.now,
  ) {
    this.audit = new AuditLog(store, announcer);
  }

  /** Returns the reason for the traffic manager that is refused: which one has its id, and what to do about it. */
  reasonOf({ message }: ManagerIdTakenError): string {
    return `${message}; give this installation a manager id of its own (the chart's managerId, or CULVERT_MANAGER_ID)`;
  }

  /** Writes a log line, and at most once an hour an entry of the audit log. Never rejects. */
  async report(
    teamId: string,
    { managerId, holder }: ManagerIdTakenError,
    refused: RefusedManager,
  ): Promise<void> {
    const { remoteAddress } = refused;
    const clusterId = visibleName(refused.clusterId);
    const name = visibleName(refused.name);
    this.log.warn(
      { teamId, managerId, holder, refused: { clusterId, name, remoteAddress } },
      'traffic manager refused: one of another cluster is connected under its manager id',
    );
    try {
      if (!(await this.isDue(teamId, holder.id))) return;
      await this.audit.record({ teamId, actor: { ...SYSTEM, address: remoteAddress } }, ACTION, holder, {
        before: { managerId, clusterId: holder.clusterId, remoteAddress: holder.remoteAddress },
        after: { managerId, clusterId, name, remoteAddress },
      });
    } catch (error) {
      this.recordedAt.delete(holder.id);
      this.log.error({ err: error }, 'a refused traffic manager could not be recorded');
    }
  }

  /** Reports whether no edge has written an entry in the last hour. */
  private async isDue(teamId: string, trafficManagerId: string): Promise<boolean> {
    const now = this.now();
    if (now - (this.recordedAt.get(trafficManagerId) ?? -Infinity) < QUIET_MS) return false;
    if (this.recordedAt.size >= MAX_REMEMBERED) this.recordedAt.clear();
    this.recordedAt.set(trafficManagerId, now);
    const { items } = await this.store.auditEvents.list(
      teamId,
      { limit: 1 },
      { action: ACTION, targetId: trafficManagerId, from: new Date(now - QUIET_MS) },
    );
    const last = items[0];
    if (last !== undefined) this.recordedAt.set(trafficManagerId, last.at.getTime());
    return last === undefined;
  }
}
