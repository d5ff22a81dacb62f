import { Controller, Get, Param, Query } from '@nestjs/common';
import { previewMetricsQuery, resourceId, type PreviewMetricsQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { PreviewMetricsService } from './preview-metrics.service.js';

@Controller('api/v1')
export class PreviewMetricsController {
  constructor(private readonly metrics: PreviewMetricsService) {}

  @Get('previews/:previewId/metrics')
  @RequireScope('previews:read')
  ofPreview(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) id: string,
    @Query({ schema: previewMetricsQuery }) query: PreviewMetricsQuery,
  ) {
    return this.metrics.ofPreview(caller, id, query);
  }

  @Get('preview-metrics')
  @RequireScope('previews:read')
  ofTeam(
    @CurrentCaller() caller: Caller,
    @Query({ schema: previewMetricsQuery }) query: PreviewMetricsQuery,
  ) {
    return this.metrics.ofTeam(caller, query);
  }
}
