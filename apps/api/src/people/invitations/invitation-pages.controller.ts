import { Body, Controller, Get, Inject, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import {
  hashSecret,
  isSecretShaped,
  type Invitation,
  type Store,
  type Team,
  type User,
} from '@culvert/domain';
import { Public, STORE } from '@culvert/nest';
import type { Request, Response } from 'express';
import { clientAddress } from '../../http/client-address.js';
import { Mailer } from '../mail/mailer.js';
import { html, type Html } from '../../http/pages/html.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { Pages, type Page } from '../../http/pages/pages.js';
import { signInPath } from '../../http/pages/return-path.js';
import { PasswordChangeService } from '../sign-in/password-change.service.js';
import { readNewPassword } from '../sign-in/passwords.js';
import { Providers } from '../sign-in/providers.js';
import { message, newPasswordForm, resetSentPage } from '../sign-in/sign-in-pages.js';
import { SignInService } from '../sign-in/sign-in.service.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';
import { factsOf } from '../../http/request-facts.js';
import { SessionCookie } from '../../http/user-sessions/session-cookie.js';
import { InvitationsService } from './invitations.service.js';

type Fields = Readonly<Record<string, unknown>> | undefined;

interface Found {
  readonly invitation: Invitation;
  readonly team: Team;
}

interface Proof extends Found {
  /** Token of the invitation. */
  readonly token: string;
  /** Token of the mailed link; null if the server sends no mail. */
  readonly reset: string | null;
}

/** Pages to which the link in an invitation leads. Tokens are in the query, which is not logged. */
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
    private readonly signIn: SignInService,
    private readonly providers: Providers,
    private readonly mailer: Mailer,
    private readonly cookie: SessionCookie,
  ) {}

  @Get()
  async show(@Query() query: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = tokenOf(query);
    const found = await this.find(token);
    if (found === null) return this.showNothing(response);
    const { invitation, team } = found;
    const signedIn = await this.userSessions.identify(request.headers);
    const title = `Join ${team.name}`;
    if (signedIn?.user.email === invitation.email) {
      const body = html`<p>You are invited as ${invitation.role}.</p>
        <form method="post" action="/invitations">
          <input type="hidden" name="token" value="${token}" />
          <button>Join ${team.name}</button>
        </form>`;
      return this.pages.send(response, { title, body });
    }
    const signInLink = html`<a class="button" href="${signInPath(`/invitations?token=${token}`)}"
      >Sign in to join</a
    >`;
    const other = html`<p>
        You’re signed in as ${signedIn?.user.email}. Sign out, then open this link again as
        ${invitation.email}.
      </p>
      <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`;
    const body = html`<p>The invitation is for ${invitation.email}.</p>
      ${signedIn !== null && other} ${signedIn === null && (await this.waysIn(found, token, signInLink))}`;
    this.pages.send(response, { title, body });
  }

  @Post()
  async accept(@Body() body: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = tokenOf(body);
    const signedIn = await this.userSessions.identify(request.headers);
    if (signedIn === null) return response.redirect(303, signInPath(`/invitations?token=${token}`));
    const { user } = signedIn;
    await this.join(user, token, request, response);
  }

  /** Mails the invited person a link to set a password: opening it proves that they receive mail at the address. */
  @Post('mail')
  async mailLink(@Body() body: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = tokenOf(body);
    const found = await this.find(token);
    if (found === null || !this.mailer.isConfigured) return this.showNothing(response);
    const { email } = found.invitation;
    await this.store.users.findOrCreate(email, '');
    await this.passwords.requestReset(
      email,
      clientAddress(request),
      (reset) => `/invitations/account?token=${token}&reset=${reset}`,
    );
    this.pages.send(response, resetSentPage({ isMailed: true }));
  }

  /** Page to which the link in that mail leads. */
  @Get('account')
  async showAccount(@Query() query: Fields, @Res() response: Response): Promise<void> {
    const proof = await this.findProof(query);
    if (proof === null) return this.showNothing(response);
    this.pages.send(response, setPasswordPage(proof));
  }

  /**
   * Sets a password, signs in and joins the team. The proof of the person is the link in a mail to the invited address
   * or, if the server sends no mail, the invitation itself, as long as the address has no account.
   */
  @Post('account')
  async createAccount(
    @Body() body: Fields,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const proof = await this.findProof(body);
    if (proof === null) return this.showNothing(response);
    const { token, reset } = proof;
    const { password, problem } = readNewPassword(body?.['password']);
    if (problem !== undefined) return this.pages.send(response, setPasswordPage(proof, problem));
    const address = clientAddress(request);
    if (reset === null) {
      const user = await this.invitations.acceptAsNewUser(token, password, address);
      // The address got an account meanwhile: the page of the invitation explains the next step.
      if (user === 'has_account') return response.redirect(303, `/invitations?token=${token}`);
      if (user === null) return this.showNothing(response);
      this.cookie.set(response, await this.signIn.begin(user, 'password', factsOf(request)));
      return response.redirect(303, '/');
    }
    const user = await this.passwords.redeemReset(reset, password, address);
    if (user === null) return this.showNothing(response);
    this.cookie.set(response, await this.signIn.begin(user, 'password', factsOf(request)));
    await this.join(user, token, request, response);
  }

  private async join(user: User, token: string, request: Request, response: Response): Promise<void> {
    const actor = { kind: 'user', id: user.id, address: clientAddress(request) } as const;
    await this.invitations.accept({ user, actor }, { token });
    response.redirect(303, '/');
  }

  /** Returns the ways in which a person who is not signed in can join. */
  private async waysIn(found: Found, token: string, signInLink: Html): Promise<Html> {
    if (this.mailer.isConfigured) {
      return html`${signInLink}
        <p class="or">or, if you don’t have a password here yet</p>
        <form method="post" action="/invitations/mail">
          <input type="hidden" name="token" value="${token}" />
          <button class="quiet">Mail me a link to set one</button>
        </form>`;
    }
    const { email } = found.invitation;
    if (await this.store.users.hasAccount(email)) return signInLink;
    return html`${setPasswordForm({ ...found, token, reset: null })}
    ${
      this.providers.buttons.length > 0 &&
      html`<p class="or">or</p>
        ${signInLink}`
    }`;
  }

  /** Returns the invitation that these fields name, and the proof that this person can set its password. */
  private async findProof(fields: Fields): Promise<Proof | null> {
    const token = tokenOf(fields);
    const found = await this.find(token);
    if (found === null) return null;
    const reset = fields?.['reset'];
    if (typeof reset !== 'string') {
      return this.mailer.isConfigured ? null : { ...found, token, reset: null };
    }
    const user = await this.passwords.findReset(reset);
    return user?.email === found.invitation.email ? { ...found, token, reset } : null;
  }

  private async find(token: string): Promise<Found | null> {
    const found = token === '' ? null : await this.store.invitations.findByTokenHash(hashSecret(token));
    return found !== null && found.invitation.expiresAt > new Date() ? found : null;
  }

  private showNothing(response: Response): void {
    this.pages.send(response, {
      title: 'This invitation no longer works',
      status: 404,
      body: html`<p>
        It was already used, was revoked, or has expired. Ask the person who invited you for a new one.
      </p>`,
    });
  }
}

function setPasswordPage(proof: Proof, problem?: string): Page {
  return {
    title: `Join ${proof.team.name}`,
    status: problem === undefined ? 200 : 400,
    body: html`${message(undefined, problem)} ${setPasswordForm(proof)}`,
  };
}

function setPasswordForm({ invitation, team, token, reset }: Proof): Html {
  return newPasswordForm({
    action: '/invitations/account',
    hidden: { token, ...(reset === null ? {} : { reset }) },
    email: invitation.email,
    button: `Set password and join ${team.name}`,
  });
}

/** Returns the token, or an empty string if it is not one. */
function tokenOf(fields: Fields): string {
  const token = fields?.['token'];
  return typeof token === 'string' && isSecretShaped(token) ? token : '';
}
