import { Module } from '@nestjs/common';
import { PreviewsModule } from '../previews.module.js';
import { OldTraffic } from './old-traffic.js';
import { PreviewMetricsController } from './preview-metrics.controller.js';
import { PreviewMetricsService } from './preview-metrics.service.js';

@Module({
  imports: [PreviewsModule],
  controllers: [PreviewMetricsController],
  providers: [PreviewMetricsService, OldTraffic],
})
export class PreviewMetricsModule {}
