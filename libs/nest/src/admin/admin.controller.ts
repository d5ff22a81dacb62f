import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { Readiness, type ReadinessReport } from '@culvert/runtime';
import type { Response } from 'express';
import type { Registry } from 'prom-client';
import { METRICS, METRICS_TYPE } from './metrics.js';
import { Public } from '../auth/public.js';

/** Endpoints for the people and machines that run a deployment. */
@Public()
@Controller()
export class AdminController {
  constructor(
    private readonly readiness: Readiness,
    @Inject(METRICS) private readonly metrics: Registry,
  ) {}

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

  @Get('metrics')
  @Header('Content-Type', METRICS_TYPE)
  scrape(): Promise<string> {
    return this.metrics.metrics();
  }
}
