import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { createReplayRequest, resourceId, type CreateReplayRequest } from '@culvert/contract';
import type { Request } from 'express';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { clientAddress } from '../http/client-address.js';
import { ReplaysService } from './replays.service.js';

@Controller('api/v1/previews/:previewId/replays')
export class ReplaysController {
  constructor(private readonly replays: ReplaysService) {}

  @Post()
  @HttpCode(200)
  @RequireScope('previews:write')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Body({ schema: createReplayRequest }) body: CreateReplayRequest,
    @Req() request: Request,
  ) {
    return this.replays.create(caller, previewId, body, clientAddress(request) ?? 'unknown');
  }
}
