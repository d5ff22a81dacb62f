import { Module } from '@nestjs/common';
import { InterceptsModule } from './intercepts/intercepts.module.js';
import { PreviewRulesModule } from './rules/preview-rules.module.js';
import { PullRequestsModule } from './pull-requests/pull-requests.module.js';
import { TrafficManagersModule } from '../managers/traffic-managers.module.js';
import { PreviewLifetimes } from './preview-lifetimes.service.js';
import { PreviewsController } from './previews.controller.js';
import { PreviewsService } from './previews.service.js';
import { RestoredPreviewController } from './restored-preview.controller.js';

@Module({
  imports: [InterceptsModule, PreviewRulesModule, PullRequestsModule, TrafficManagersModule],
  controllers: [PreviewsController, RestoredPreviewController],
  providers: [PreviewsService, PreviewLifetimes],
  exports: [PreviewsService],
})
export class PreviewsModule {}
