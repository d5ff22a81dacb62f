import { Module } from '@nestjs/common';
import { ClusterEventsModule } from '../cluster-events/cluster-events.module.js';
import { AuditEventsController } from './audit-events.controller.js';
import { AuditEventsService } from './audit-events.service.js';
import { AuditLog } from './audit-log.js';

@Module({
  imports: [ClusterEventsModule],
  controllers: [AuditEventsController],
  providers: [AuditEventsService, AuditLog],
  exports: [AuditLog],
})
export class AuditEventsModule {}
