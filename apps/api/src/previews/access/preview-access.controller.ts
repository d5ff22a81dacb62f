import { Controller, Get, Query, Res, UseFilters } from '@nestjs/common';
import type { Response } from 'express';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { RequireScope } from '../../http/auth/require-scope.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { PreviewAccessService } from './preview-access.service.js';

/**
 * Endpoint to which a preview's host sends browsers without credentials. People who are not signed in sign in first,
 * and return.
 */
@Controller('preview-access')
@UseFilters(PageFilter)
export class PreviewAccessController {
  constructor(private readonly access: PreviewAccessService) {}

  @Get()
  @RequireScope('user')
  async handOver(
    @CurrentPerson() person: Person,
    @Query() query: Record<string, unknown>,
    @Res() response: Response,
  ): Promise<void> {
    const location = await this.access.handOver(person, query);
    response.setHeader('Cache-Control', 'no-store').setHeader('Referrer-Policy', 'no-referrer');
    response.redirect(303, location);
  }
}
