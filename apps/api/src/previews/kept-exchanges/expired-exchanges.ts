import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { ExchangeVault } from '@culvert/exchanges';
import { BACKGROUND_STORE, LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { KeyRing, SealBrokenError, UnknownKeyError } from '@culvert/sealing';
import type { Logger } from 'pino';

const SWEEP_INTERVAL_MS = 60_000;
/** Rows that one statement concerns: few, so that others do not wait for it. */
const BATCH = 500;

/**
 * Removes kept exchanges that have expired, and seals data keys again after the encryption key was replaced. Several
 * processes can do so at once.
 */
@Injectable()
export class ExpiredExchanges implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;
  private isStopping = false;
  private lastWarning = JSON.stringify([[], 0]);

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Pick<Repositories, 'keptExchanges'>,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'encryptionKeys'>,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.run(), SWEEP_INTERVAL_MS).unref();
    void this.reseal().catch((error: unknown) => this.report(error));
  }

  onApplicationShutdown(): void {
    this.isStopping = true;
    clearInterval(this.sweep);
  }

  /** Removes everything that has expired at `now`. Returns how many exchanges. */
  async remove(now: Date): Promise<number> {
    let total = 0;
    for (;;) {
      const count = await this.store.keptExchanges.removeExpired(now, BATCH);
      total += count;
      if (count < BATCH || this.isStopping) return total;
    }
  }

  /** Seals all data keys with the current key. Returns how many were sealed with another one before. */
  async reseal(): Promise<number> {
    const ring = KeyRing.parse(this.settings.encryptionKeys);
    if (ring === null) return 0;
    const vault = new ExchangeVault(ring, this.store.keptExchanges);
    const missing = new Set<string>();
    let [count, broken] = [0, 0];
    for (let after: string | null = null; !this.isStopping;) {
      const keys = await this.store.keptExchanges.findKeysToReseal(ring.currentId, BATCH, after);
      for (const key of keys) {
        after = key.id;
        try {
          await this.store.keptExchanges.replaceKey(key.teamId, vault.reseal(key, key));
          count++;
        } catch (error) {
          if (error instanceof UnknownKeyError) missing.add(key.sealedWith);
          else if (error instanceof SealBrokenError) broken++;
          else throw error;
        }
      }
      if (keys.length < BATCH) break;
    }
    if (count > 0)
      this.log.info({ count, keyId: ring.currentId }, 'data keys are sealed with the first encryption key');
    this.warn([...missing].toSorted(), broken);
    return count;
  }

  /** Logs what cannot be read, unless the last sweep found the same. */
  private warn(missing: readonly string[], broken: number): void {
    const state = JSON.stringify([missing, broken]);
    if (state === this.lastWarning) return;
    this.lastWarning = state;
    if (missing.length > 0)
      this.log.warn({ keyIds: missing }, 'kept exchanges cannot be read: encryption keys are not configured');
    if (broken > 0)
      this.log.warn(
        { count: broken },
        'kept exchanges cannot be read: data keys were changed in the database',
      );
  }

  private async run(): Promise<void> {
    try {
      await this.remove(new Date());
      await this.reseal();
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): void {
    this.log.warn({ err: error }, 'cannot tidy kept exchanges');
  }
}
