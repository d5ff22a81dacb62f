import { Inject, Injectable } from '@nestjs/common';
import { hashApiKeySecret, isApiKeyUsable, type ApiKey, type Store } from '@culvert/domain';
import { LOG, STORE } from '@culvert/platform';
import type { Logger } from 'pino';
import type { Caller } from './caller.js';

/** How exact `lastUsedAt` is; keeps a busy key from costing a write per request. */
const USE_INTERVAL_MS = 60_000;

@Injectable()
export class AuthenticationService {
  /** Keys whose use is being written down, so that a burst of requests writes once. */
  readonly #recording = new Set<string>();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  /**
   * Who presents this secret from this address; null when it is no usable key. The database compares hashes, not
   * secrets: its timing tells about SHA-256 of a guess, which leads nowhere near the secret.
   */
  async authenticate(secret: string, address: string | null): Promise<Caller | null> {
    const apiKey = await this.store.apiKeys.findByHash(hashApiKeySecret(secret));
    const now = new Date();
    if (apiKey === null || !isApiKeyUsable(apiKey, now)) return null;
    this.#recordUse(apiKey, now);
    return {
      teamId: apiKey.teamId,
      scopes: apiKey.scopes,
      apiKey,
      actor: { kind: 'api-key', id: apiKey.id, address },
    };
  }

  /** In the background: no request waits for, or fails with, its key's statistics. */
  #recordUse({ id, lastUsedAt }: ApiKey, now: Date): void {
    const isRecent = lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < USE_INTERVAL_MS;
    if (isRecent || this.#recording.has(id)) return;
    this.#recording.add(id);
    void this.store.apiKeys
      .recordUse(id, now)
      .catch((error: unknown) => this.log.warn({ err: error, apiKeyId: id }, 'use of key not recorded'))
      .finally(() => this.#recording.delete(id));
  }
}
