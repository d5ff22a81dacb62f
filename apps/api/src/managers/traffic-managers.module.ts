import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../announcements/announcements.module.js';
import { TrafficManagersController } from './traffic-managers.controller.js';
import { TrafficManagersService } from './traffic-managers.service.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  controllers: [TrafficManagersController],
  providers: [TrafficManagersService],
  exports: [TrafficManagersService],
})
export class TrafficManagersModule {}
