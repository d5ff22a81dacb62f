import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { PreviewRulesModule } from '../rules/preview-rules.module.js';
import { TrafficManagersModule } from '../../managers/traffic-managers.module.js';
import { InterceptsController } from './intercepts.controller.js';
import { InterceptsService } from './intercepts.service.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule, PreviewRulesModule, TrafficManagersModule],
  controllers: [InterceptsController],
  providers: [InterceptsService],
  exports: [InterceptsService],
})
export class InterceptsModule {}
