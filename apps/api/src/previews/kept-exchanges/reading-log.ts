import type { Preview } from '@culvert/domain';
import type { Caller } from '../../http/auth/caller.js';
import type { AuditLog } from '../../team/audit-events/audit-log.js';

/** A caller who reads on within this time causes no further entry. */
const SAME_READING_MS = 10 * 60_000;
const MAX_READINGS = 10_000;

/** Records in the audit log who reads kept exchanges: once for each caller and preview in a while, not for each page. */
export class ReadingLog {
  /** Time of the entry, by caller and preview; oldest first. */
  private readonly recorded = new Map<string, number>();

  constructor(private readonly audit: Pick<AuditLog, 'record'>) {}

  async record(caller: Caller, { id, hostname }: Pick<Preview, 'id' | 'hostname'>): Promise<void> {
    const reading = `${caller.actor.kind} ${caller.actor.id} ${id}`;
    const now = performance.now();
    const at = this.recorded.get(reading);
    if (at !== undefined && now - at < SAME_READING_MS) return;
    await this.audit.record(caller, 'preview.read-kept', { id, name: hostname });
    this.recorded.delete(reading);
    this.recorded.set(reading, now);
    if (this.recorded.size <= MAX_READINGS) return;
    const [oldest = ''] = this.recorded.keys();
    this.recorded.delete(oldest);
  }
}
