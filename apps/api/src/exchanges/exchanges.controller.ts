import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { exchangesQuery, resourceId, type ExchangesQuery } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { ExchangeStreams } from './exchange-streams.js';

@Controller('api/v1/previews/:previewId/exchanges')
export class ExchangesController {
  constructor(private readonly exchanges: ExchangeStreams) {}

  @Get()
  @RequireScope('previews:read')
  watch(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) id: string,
    @Query({ schema: exchangesQuery }) query: ExchangesQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.exchanges.open(caller, id, query, request, response);
  }
}
