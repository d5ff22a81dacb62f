import { pipeline } from 'node:stream/promises';
import { Controller, Param, Query, Res } from '@nestjs/common';
import type { KeptBodiesQuery, KeptExchangeFilter, KeptExchangeQuery } from '@culvert/contract';
import type { Response } from 'express';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { isPrematureClose } from '../../http/premature-close.js';
import { KeptExchangesService } from './kept-exchanges.service.js';

@Controller()
export class KeptExchangesController {
  constructor(private readonly kept: KeptExchangesService) {}

  @Operation('listKeptExchanges')
  list(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Query() query: KeptExchangeQuery,
  ) {
    return this.kept.list(caller, previewId, query);
  }

  @Operation('exportKeptExchanges')
  async export(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Query() filter: KeptExchangeFilter,
    @Res() response: Response,
  ): Promise<void> {
    await this.kept.archive(caller, previewId, filter, async (parts) => {
      response.attachment('exchanges.har').type('application/har+json');
      try {
        await pipeline(parts, response);
      } catch (error) {
        // The reader disconnected, so there is nothing to answer.
        if (!isPrematureClose(error)) throw error;
      }
    });
  }

  @Operation('getKeptExchange')
  show(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Param('exchangeId') exchangeId: string,
    @Query() query: KeptBodiesQuery,
  ) {
    return this.kept.show(caller, previewId, exchangeId, query);
  }

  @Operation('deleteKeptExchange')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Param('exchangeId') exchangeId: string,
  ) {
    return this.kept.remove(caller, previewId, exchangeId);
  }

  @Operation('deleteKeptExchanges')
  removeAll(@CurrentCaller() caller: Caller, @Param('previewId') previewId: string) {
    return this.kept.removeAll(caller, previewId);
  }
}
