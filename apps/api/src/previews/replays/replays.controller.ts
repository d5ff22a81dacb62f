import { Body, Controller, Param, Req } from '@nestjs/common';
import type { CreateReplayRequest } from '@culvert/contract';
import type { Request } from 'express';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { clientAddress } from '../../http/client-address.js';
import { Operation } from '../../http/operation.js';
import { ReplaysService } from './replays.service.js';

@Controller()
export class ReplaysController {
  constructor(private readonly replays: ReplaysService) {}

  @Operation('createReplay')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Body() body: CreateReplayRequest,
    @Req() request: Request,
  ) {
    return this.replays.create(caller, previewId, body, clientAddress(request) ?? 'unknown');
  }
}
