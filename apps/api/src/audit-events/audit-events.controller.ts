import { Controller, Get, Query } from '@nestjs/common';
import { pageQuery, type PageQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { AuditEventsService } from './audit-events.service.js';

@Controller('api/v1/audit-events')
export class AuditEventsController {
  constructor(private readonly auditEvents: AuditEventsService) {}

  @Get()
  @RequireScope('audit:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.auditEvents.list(caller, query);
  }
}
