import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { ClusterEventsModule } from '../cluster-events/cluster-events.module.js';
import { InterceptsModule } from '../intercepts/intercepts.module.js';
import { PullRequestsModule } from '../pull-requests/pull-requests.module.js';
import { TrafficManagersModule } from '../traffic-managers/traffic-managers.module.js';
import { PreviewLifetimes } from './preview-lifetimes.service.js';
import { PreviewsController } from './previews.controller.js';
import { PreviewsService } from './previews.service.js';
import { RestoredPreviewController } from './restored-preview.controller.js';

@Module({
  imports: [
    AuditEventsModule,
    ClusterEventsModule,
    InterceptsModule,
    PullRequestsModule,
    TrafficManagersModule,
  ],
  controllers: [PreviewsController, RestoredPreviewController],
  providers: [PreviewsService, PreviewLifetimes],
  exports: [PreviewsService],
})
export class PreviewsModule {}
