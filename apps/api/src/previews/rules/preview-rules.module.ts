import { Module } from '@nestjs/common';
import type { Store } from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { PreviewRules } from '@culvert/previews';
import type { Settings } from '@culvert/runtime';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { Announcer } from '../../announcements/announcer.js';

/** The rules of previews, which do not depend on Nest, as Nest injects them. */
@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  providers: [
    {
      provide: PreviewRules,
      inject: [STORE, SETTINGS, AuditLog, Announcer],
      useFactory: (store: Store, settings: Settings, audit: AuditLog, announcer: Announcer) =>
        new PreviewRules({
          store,
          audit,
          announcer,
          previewDomain: settings.public.previewDomain,
          maxPreviews: settings.limits.maxPreviewsPerTeam,
        }),
    },
  ],
  exports: [PreviewRules],
})
export class PreviewRulesModule {}
