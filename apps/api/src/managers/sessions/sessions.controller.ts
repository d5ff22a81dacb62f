import { Controller, Param, Query } from '@nestjs/common';
import type { SessionQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { SessionsService } from './sessions.service.js';

@Controller()
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Operation('listSessions')
  list(@CurrentCaller() caller: Caller, @Query() query: SessionQuery) {
    return this.sessions.list(caller, query);
  }

  @Operation('getSession')
  show(@CurrentCaller() caller: Caller, @Param('sessionId') id: string) {
    return this.sessions.show(caller, id);
  }

  @Operation('endSession')
  end(@CurrentCaller() caller: Caller, @Param('sessionId') id: string) {
    return this.sessions.end(caller, id);
  }
}
