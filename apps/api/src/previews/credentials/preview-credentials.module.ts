import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { PreviewsModule } from '../previews.module.js';
import { PreviewTokensController } from './preview-tokens.controller.js';
import { PreviewTokensService } from './preview-tokens.service.js';
import { ShareLinksController } from './share-links.controller.js';
import { ShareLinksService } from './share-links.service.js';

/** Share links and machine tokens of previews. */
@Module({
  imports: [AnnouncementsModule, AuditEventsModule, PreviewsModule],
  controllers: [ShareLinksController, PreviewTokensController],
  providers: [ShareLinksService, PreviewTokensService],
})
export class PreviewCredentialsModule {}
