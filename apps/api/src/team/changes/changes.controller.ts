import { Controller, Query, Req, Res } from '@nestjs/common';
import type { StreamQuery } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { readerOf } from '../../http/event-stream/stream-reader.js';
import { Operation } from '../../http/operation.js';
import { ChangeStreams } from './change-streams.js';

@Controller()
export class ChangesController {
  constructor(private readonly changes: ChangeStreams) {}

  @Operation('watchChanges')
  watch(
    @CurrentCaller() caller: Caller,
    @Query() query: StreamQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): void {
    this.changes.open(caller, query, readerOf(request, response));
  }
}
