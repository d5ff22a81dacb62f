import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { AuditLog } from '../audit-events/audit-log.js';
import { Announcer } from '../cluster-events/announcer.js';
import { auditedPreview, targetOfPreview, toPreviewFields } from './preview.resource.js';

const SWEEP_MS = 30_000;
/** Of one sweep: the next ones take the rest. */
const MAX_ENDED = 500;

/** Removes previews that have expired, which edges refuse already, and those unused for too long. */
@Injectable()
export class PreviewLifetimes implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Repositories,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOG) private readonly log: Logger,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#sweeping = this.sweep(new Date()).catch((error: unknown) =>
        this.log.error({ err: error }, 'ended previews not removed'),
      );
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async sweep(now: Date): Promise<void> {
    const ended = await this.store.previews.removeEnded(now, MAX_ENDED);
    await this.announcer.previewsRemoved(ended.map(({ preview }) => preview));
    for (const { preview, reason } of ended) {
      const system = { teamId: preview.teamId, actor: { kind: 'system', id: null, address: null } } as const;
      const { lastUsedAt } = preview;
      await this.audit.record(system, 'preview.end', targetOfPreview(preview), {
        before: auditedPreview(toPreviewFields(preview, this.settings, null)),
        after: { reason, lastUsedAt: lastUsedAt?.toISOString() ?? null },
      });
    }
  }
}
