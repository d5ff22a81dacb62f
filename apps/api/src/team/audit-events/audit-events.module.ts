import { Module } from '@nestjs/common';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { AuditEventsController } from './audit-events.controller.js';
import { AuditEventsService } from './audit-events.service.js';
import { AuditLog } from './audit-log.js';

@Module({
  imports: [AnnouncementsModule],
  controllers: [AuditEventsController],
  providers: [AuditEventsService, AuditLog],
  exports: [AuditLog],
})
export class AuditEventsModule {}
