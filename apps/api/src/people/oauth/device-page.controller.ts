import { Body, Controller, Get, Inject, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { readUserCode } from '@culvert/domain';
import { SETTINGS } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { RequireScope } from '../../http/auth/require-scope.js';
import { clientAddress } from '../../http/client-address.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { Pages } from '../../http/pages/pages.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import { isFromElsewhere } from '../../http/same-origin.js';
import { AuthorizationService } from './authorization.service.js';
import { NO_TEAM_PAGE } from './consent-form.js';
import { DeviceAuthorizationService } from './device-authorization.service.js';
import { codePage, DENIED_PAGE, devicePage, UNKNOWN_CODE } from './device-pages.js';
import { formOf } from './oauth-errors.js';

/** Where people enter the code of a machine without a browser, and decide (RFC 8628 §3.3). */
@Controller()
@UseFilters(PageFilter)
export class DevicePageController {
  private readonly appOrigin: string;

  constructor(
    private readonly authorization: AuthorizationService,
    private readonly devices: DeviceAuthorizationService,
    private readonly pages: Pages,
    @Inject(SETTINGS) settings: Settings,
  ) {
    this.appOrigin = appUrl(settings);
  }

  @Get('device')
  @RequireScope('user')
  @CountedByAddress('device')
  async ask(
    @CurrentPerson() person: Person,
    @Query('user_code') typed: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const teams = await this.authorization.teamsOf(person);
    if (teams.length === 0) return this.pages.send(response, NO_TEAM_PAGE);
    if (typed === undefined) return this.pages.send(response, codePage());
    // A page of another host must not use up the attempts of a person by opening this with wrong codes.
    if (isFromElsewhere(request.headers, this.appOrigin))
      return this.pages.send(response, codePage({ userCode: readUserCode(textOf(typed)) }));
    const address = clientAddress(request);
    const pending = await this.devices.find(person, textOf(typed), address);
    const page =
      pending === null
        ? codePage({ problem: UNKNOWN_CODE })
        : devicePage(pending, { user: person.user, teams, address, now: new Date() });
    this.pages.send(response, page);
  }

  @Post('device')
  @RequireScope('user')
  @CountedByAddress('device')
  async decide(
    @CurrentPerson() person: Person,
    @Body() body: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { user_code: typed, decision, team } = formOf(body);
    const pending = await this.devices.find(person, textOf(typed), clientAddress(request));
    const isAllowed = decision === 'allow';
    const isDone =
      pending !== null &&
      (await (isAllowed ? this.devices.approve(person, textOf(team), pending) : this.devices.deny(pending)));
    if (!isDone) this.pages.send(response, codePage({ problem: UNKNOWN_CODE }));
    else if (isAllowed) response.redirect(303, '/completion');
    else this.pages.send(response, DENIED_PAGE);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
