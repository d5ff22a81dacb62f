import { pipeline } from 'node:stream/promises';
import { Controller, Query, Res } from '@nestjs/common';
import type { AuditEventFilterQuery, AuditEventQuery } from '@culvert/contract';
import type { Response } from 'express';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { isPrematureClose } from '../../http/premature-close.js';
import { toCsv } from './audit-csv.js';
import { AuditEventsService } from './audit-events.service.js';

@Controller()
export class AuditEventsController {
  constructor(private readonly auditEvents: AuditEventsService) {}

  @Operation('listAuditEvents')
  list(@CurrentCaller() caller: Caller, @Query() query: AuditEventQuery) {
    return this.auditEvents.list(caller, query);
  }

  @Operation('exportAuditEvents')
  async export(
    @CurrentCaller() caller: Caller,
    @Query() filter: AuditEventFilterQuery,
    @Res() response: Response,
  ): Promise<void> {
    const pages = await this.auditEvents.pages(caller, filter);
    response.type('text/csv').attachment('audit-events.csv');
    try {
      await pipeline(toCsv(pages), response);
    } catch (error) {
      // The reader disconnected, so there is nothing to answer.
      if (!isPrematureClose(error)) throw error;
    }
  }
}
