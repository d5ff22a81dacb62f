import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { streamQuery, type StreamQuery } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { ChangeStreams } from './change-streams.js';

@Controller('api/v1/events')
export class ChangesController {
  constructor(private readonly changes: ChangeStreams) {}

  @Get()
  @RequireScope('team:read')
  watch(
    @CurrentCaller() caller: Caller,
    @Query({ schema: streamQuery }) query: StreamQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): void {
    this.changes.open(caller, query, request, response);
  }
}
