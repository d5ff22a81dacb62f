import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { resourceId, sessionQuery, type SessionQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { SessionsService } from './sessions.service.js';

@Controller('api/v1/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Get()
  @RequireScope('sessions:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: sessionQuery }) query: SessionQuery) {
    return this.sessions.list(caller, query);
  }

  @Get(':sessionId')
  @RequireScope('sessions:read')
  show(@CurrentCaller() caller: Caller, @Param('sessionId', { schema: resourceId }) id: string) {
    return this.sessions.show(caller, id);
  }

  @Delete(':sessionId')
  @HttpCode(204)
  @RequireScope('sessions:write')
  end(@CurrentCaller() caller: Caller, @Param('sessionId', { schema: resourceId }) id: string) {
    return this.sessions.end(caller, id);
  }
}
