import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  controllers: [SessionsController],
  providers: [SessionsService],
})
export class SessionsModule {}
