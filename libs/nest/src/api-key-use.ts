import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { ApiKey, Store } from '@culvert/domain';
import type { Logger } from 'pino';
import { LOG } from './logger.module.js';
import { STORE } from './store.module.js';

/** How exact `lastUsedAt` is; keeps a busy key from costing a write per request. */
const USE_INTERVAL_MS = 60_000;

/** Writes down when and from where API keys are used, whatever they open. */
@Injectable()
export class ApiKeyUse {
  /** Keys whose use is being written down, so that a burst of requests writes once. */
  private readonly recording = new Set<string>();

  constructor(
    @Inject(STORE) private readonly store: Pick<Store, 'apiKeys'>,
    @Inject(LOG) private readonly log: Pick<Logger, 'warn'>,
  ) {}

  /**
   * In the background: nobody waits for, or fails with, a key's statistics.
   * @param address of who showed it; null, or no address, when nothing says
   */
  record(
    { id, lastUsedAt }: Pick<ApiKey, 'id' | 'lastUsedAt'>,
    address: string | null,
    at = new Date(),
  ): void {
    const isRecent = lastUsedAt !== null && at.getTime() - lastUsedAt.getTime() < USE_INTERVAL_MS;
    if (isRecent || this.recording.has(id)) return;
    this.recording.add(id);
    void this.store.apiKeys
      .recordUse(id, at, address !== null && isIP(address) !== 0 ? address : null)
      .catch((error: unknown) => this.log.warn({ err: error, apiKeyId: id }, 'use of key not recorded'))
      .finally(() => this.recording.delete(id));
  }

  /** Of keys whose tunnels stay open, which use them all the time. Keeps the addresses. Rejects as the store does. */
  async recordOpen(ids: readonly string[], at = new Date()): Promise<void> {
    await this.store.apiKeys.prolongUse(ids, at, new Date(at.getTime() - USE_INTERVAL_MS));
  }
}
