import { Controller, Param, Query } from '@nestjs/common';
import type { PreviewMetricsQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { PreviewMetricsService } from './preview-metrics.service.js';

@Controller()
export class PreviewMetricsController {
  constructor(private readonly metrics: PreviewMetricsService) {}

  @Operation('getPreviewMetrics')
  ofPreview(
    @CurrentCaller() caller: Caller,
    @Param('previewId') id: string,
    @Query() query: PreviewMetricsQuery,
  ) {
    return this.metrics.ofPreview(caller, id, query);
  }

  @Operation('listPreviewMetrics')
  ofTeam(@CurrentCaller() caller: Caller, @Query() query: PreviewMetricsQuery) {
    return this.metrics.ofTeam(caller, query);
  }
}
