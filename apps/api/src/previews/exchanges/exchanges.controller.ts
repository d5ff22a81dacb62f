import { Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { ExchangesQuery } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { readerOf } from '../../http/event-stream/stream-reader.js';
import { Operation } from '../../http/operation.js';
import { ExchangeStreams } from './exchange-streams.js';

@Controller()
export class ExchangesController {
  constructor(private readonly exchanges: ExchangeStreams) {}

  @Operation('watchExchanges')
  watch(
    @CurrentCaller() caller: Caller,
    @Param('previewId') id: string,
    @Query() query: ExchangesQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.exchanges.open(caller, id, query, readerOf(request, response));
  }
}
