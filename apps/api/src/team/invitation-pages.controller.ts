import { Body, Controller, Get, Inject, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { hashSecret, isSecretShaped, type Invitation, type Store, type Team } from '@culvert/domain';
import { Public, STORE } from '@culvert/platform';
import type { Request, Response } from 'express';
import { clientAddress } from '../http/client-address.js';
import { html } from '../pages/html.js';
import { PageFilter } from '../pages/page.filter.js';
import { Pages } from '../pages/pages.js';
import { signInPath } from '../pages/return-path.js';
import { PasswordChangeService } from '../sign-in/password-change.service.js';
import { resetSentPage } from '../sign-in/sign-in-pages.js';
import { UserSessionsService } from '../user-sessions/user-sessions.service.js';
import { InvitationsService } from './invitations.service.js';

type Fields = Readonly<Record<string, unknown>> | undefined;

/** Where the link in an invitation leads. The token is in the query, which is not logged. */
@Public()
@Controller('invitations')
@UseFilters(PageFilter)
export class InvitationPagesController {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly pages: Pages,
    private readonly invitations: InvitationsService,
    private readonly passwords: PasswordChangeService,
    private readonly userSessions: UserSessionsService,
  ) {}

  @Get()
  async show(@Query() query: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = tokenOf(query);
    const found = await this.#find(token);
    if (found === null) return this.#showNothing(response);
    const { invitation, team } = found;
    const signedIn = await this.userSessions.identify(request);
    const title = `Join ${team.name}`;
    if (signedIn?.user.email === invitation.email) {
      const body = html`<p>You are invited as ${invitation.role}.</p>
        <form method="post" action="/invitations">
          <input type="hidden" name="token" value="${token}" />
          <button>Join ${team.name}</button>
        </form>`;
      return this.pages.send(response, { title, body });
    }
    const other = html`<p>
        You are signed in as ${signedIn?.user.email}; the invitation is for another address.
      </p>
      <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`;
    const body = html`<p>The invitation is for ${invitation.email}.</p>
      ${signedIn !== null && other}
      ${
        signedIn === null &&
        html`<a class="button" href="${signInPath(`/invitations?token=${token}`)}">Sign in to join</a>
          <p class="or">or, if you have no password here yet</p>
          <form method="post" action="/invitations/account">
            <input type="hidden" name="token" value="${token}" />
            <button class="quiet">Mail me a link to set one</button>
          </form>`
      }`;
    this.pages.send(response, { title, body });
  }

  @Post()
  async accept(@Body() body: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = tokenOf(body);
    const signedIn = await this.userSessions.identify(request);
    if (signedIn === null) return response.redirect(303, signInPath(`/invitations?token=${token}`));
    const { user, session: userSession } = signedIn;
    const actor = { kind: 'user', id: user.id, address: clientAddress(request) } as const;
    await this.invitations.accept({ user, userSession, actor }, { token });
    response.redirect(303, '/');
  }

  /**
   * Makes an account for the invited address, which opens by a mail to it: the invitation itself is known to whoever
   * invited, and proves nothing about who holds it.
   */
  @Post('account')
  async createAccount(
    @Body() body: Fields,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const found = await this.#find(tokenOf(body));
    if (found === null) return this.#showNothing(response);
    const { email } = found.invitation;
    await this.store.users.findOrCreate(email, '');
    await this.passwords.requestReset(email, clientAddress(request));
    this.pages.send(response, resetSentPage());
  }

  async #find(token: string): Promise<{ invitation: Invitation; team: Team } | null> {
    const found = token === '' ? null : await this.store.invitations.findByTokenHash(hashSecret(token));
    return found !== null && found.invitation.expiresAt > new Date() ? found : null;
  }

  #showNothing(response: Response): void {
    this.pages.send(response, {
      title: 'This invitation does not work any more',
      status: 404,
      body: html`<p>It was used or revoked, or is too old. Ask who invited you for a new one.</p>`,
    });
  }
}

/** Empty for what is no token. */
function tokenOf(fields: Fields): string {
  const token = fields?.['token'];
  return typeof token === 'string' && isSecretShaped(token) ? token : '';
}
