import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { ApiKey, Store } from '@culvert/domain';
import type { Logger } from 'pino';
import { LOG } from './logger.module.js';
import { STORE } from './store.module.js';

/** Precision of `lastUsedAt`, so that a busy key does not cause a write per request. */
const USE_INTERVAL_MS = 60_000;

/** Records when and from where API keys are used, whatever they open. */
@Injectable()
export class ApiKeyUse {
  /** Keys whose use is being recorded, so that a burst of requests writes once. */
  private readonly recording = new Set<string>();

  constructor(
    @Inject(STORE) private readonly store: Pick<Store, 'apiKeys'>,
    @Inject(LOG) private readonly log: Pick<Logger, 'warn'>,
  ) {}

  /**
   * Records in the background: requests do not wait for it, or fail with it.
   * @param address address of the caller; null, or not an address, if unknown
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
      .catch((error: unknown) =>
        this.log.warn({ err: error, apiKeyId: id }, 'cannot record the use of a key'),
      )
      .finally(() => this.recording.delete(id));
  }

  /**
   * Records the use of keys with open tunnels, which use them all the time. Keeps the addresses. Rejects as the store
   * does.
   */
  async recordOpen(ids: readonly string[], at = new Date()): Promise<void> {
    await this.store.apiKeys.prolongUse(ids, at, new Date(at.getTime() - USE_INTERVAL_MS));
  }
}
