import { Controller, Get, Header, Res } from '@nestjs/common';
import { Metrics, METRICS_TYPE } from '@culvert/metrics';
import { Readiness, type ReadinessReport } from '@culvert/runtime';
import type { Response } from 'express';
import { Public } from '../auth/public.js';

/** Probes for the people and machines that run a deployment. */
@Public()
@Controller()
export class AdminController {
  constructor(private readonly readiness: Readiness) {}

  /** Reports that the process lives. Independent of its dependencies, whose failures a restart does not fix. */
  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessReport> {
    const report = await this.readiness.report();
    response.status(report.ready ? 200 : 503);
    return report;
  }
}

/** The page that Prometheus reads. */
@Public()
@Controller()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get('metrics')
  @Header('Content-Type', METRICS_TYPE)
  scrape(): Promise<string> {
    return this.metrics.page();
  }
}
