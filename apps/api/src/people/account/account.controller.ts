import { Controller, Get, Res, UseFilters } from '@nestjs/common';
import type { Response } from 'express';
import { CurrentIdentity, type Identified } from '../../http/auth/caller.js';
import { RequireScope } from '../../http/auth/require-scope.js';
import { MeService } from '../me/me.service.js';
import { html } from '../../http/pages/html.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { Pages } from '../../http/pages/pages.js';

/** Page that shows people their account, and lets them sign out. */
@Controller('account')
@UseFilters(PageFilter)
export class AccountController {
  constructor(
    private readonly pages: Pages,
    private readonly me: MeService,
  ) {}

  @Get()
  @RequireScope('user')
  async show(@CurrentIdentity() identified: Identified, @Res() response: Response): Promise<void> {
    const { user, teams } = await this.me.show(identified);
    this.pages.send(response, {
      title: 'You are signed in',
      body: html`<dl>
          <dt>As</dt>
          <dd>${user?.email}</dd>
          <dt>Teams</dt>
          ${teams.map(({ name, role }) => html`<dd>${name} (${role})</dd>`)}
          ${teams.length === 0 && html`<dd>None yet. Ask an owner or admin of a team to invite you.</dd>`}
        </dl>
        <p><a href="/api/docs">API documentation</a></p>
        <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`,
    });
  }
}
