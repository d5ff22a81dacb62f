import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { ClusterEventsModule } from '../cluster-events/cluster-events.module.js';
import { OldConnectionEvents } from './old-connection-events.js';
import { TrafficManagersController } from './traffic-managers.controller.js';
import { TrafficManagersService } from './traffic-managers.service.js';

@Module({
  imports: [AuditEventsModule, ClusterEventsModule],
  controllers: [TrafficManagersController],
  providers: [TrafficManagersService, OldConnectionEvents],
  exports: [TrafficManagersService],
})
export class TrafficManagersModule {}
