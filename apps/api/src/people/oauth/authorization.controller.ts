import { Body, Controller, Get, Post, Query, Res, UseFilters } from '@nestjs/common';
import { Public } from '@culvert/nest';
import type { Response } from 'express';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { RequireScope } from '../../http/auth/require-scope.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { Pages } from '../../http/pages/pages.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import {
  codeLocation,
  errorLocation,
  readAuthorizationRequest,
  type AuthorizationRequest,
  type Parameters,
} from './authorization-request.js';
import { AuthorizationService } from './authorization.service.js';
import { NO_TEAM_PAGE } from './consent-form.js';
import { completionPage, consentPage, refusedPage } from './consent-page.js';

/** The authorization endpoint of RFC 6749. People without a session sign in first. */
@Controller()
@UseFilters(PageFilter)
export class AuthorizationController {
  constructor(
    private readonly authorization: AuthorizationService,
    private readonly pages: Pages,
  ) {}

  @Get('auth')
  @RequireScope('user')
  @CountedByAddress('authorization')
  async ask(
    @CurrentPerson() person: Person,
    @Query() query: Parameters,
    @Res() response: Response,
  ): Promise<void> {
    const request = this.read(query, response);
    if (request === null) return;
    const teams = await this.authorization.teamsOf(person);
    this.pages.send(response, teams.length === 0 ? NO_TEAM_PAGE : consentPage(request, person.user, teams));
  }

  @Post('auth')
  @RequireScope('user')
  @CountedByAddress('authorization')
  async decide(
    @CurrentPerson() person: Person,
    @Body() body: unknown,
    @Res() response: Response,
  ): Promise<void> {
    const form = typeof body === 'object' && body !== null ? (body as Parameters) : {};
    const request = this.read(form, response);
    if (request === null) return;
    const { decision, team } = form;
    if (decision !== 'allow') {
      response.redirect(303, errorLocation(request, 'access_denied', 'the person did not agree'));
      return;
    }
    const code = await this.authorization.consent(person, typeof team === 'string' ? team : '', request);
    response.redirect(303, codeLocation(request, code));
  }

  @Get('completion')
  @Public()
  completion(@Query('client') client: unknown, @Res() response: Response): void {
    this.pages.send(response, completionPage(client === 'docker-desktop'));
  }

  /** Returns the request; null if it is not valid and was answered here. */
  private read(parameters: Parameters, response: Response): AuthorizationRequest | null {
    const read = readAuthorizationRequest(parameters);
    if (read.outcome === 'request') return read.request;
    if (read.outcome === 'error') response.redirect(303, read.location);
    else this.pages.send(response, refusedPage(read.reason));
    return null;
  }
}
