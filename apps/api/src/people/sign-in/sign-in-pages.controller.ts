import { Body, Controller, Get, Param, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { emailAddress, ProblemError, signInRequest } from '@culvert/contract';
import { Public } from '@culvert/nest';
import type { Request, Response } from 'express';
import { clientAddress } from '../../http/client-address.js';
import { Mailer } from '../mail/mailer.js';
import { PageFilter } from '../../http/pages/page.filter.js';
import { Pages } from '../../http/pages/pages.js';
import { factsOf } from '../../http/request-facts.js';
import { SessionCookie } from '../../http/user-sessions/session-cookie.js';
import { AttemptCookie } from './attempt-cookie.js';
import { returnPath } from '../../http/pages/return-path.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';
import { Providers } from './providers.js';
import { PasswordChangeService } from './password-change.service.js';
import { readNewPassword } from './passwords.js';
import {
  askResetPage,
  END_ACCESS,
  newPasswordPage,
  resetExpiredPage,
  resetSentPage,
  signInPage,
} from './sign-in-pages.js';
import { SignInService } from './sign-in.service.js';

/** Fields of a form, or parameters of a query: text, or lists of it when repeated. */
type Fields = Readonly<Record<string, unknown>> | undefined;

/** Sign-in and sign-out for people. Forms and redirects: it needs no script. */
@Public()
@Controller()
@UseFilters(PageFilter)
export class SignInPagesController {
  constructor(
    private readonly pages: Pages,
    private readonly providers: Providers,
    private readonly signIn: SignInService,
    private readonly passwords: PasswordChangeService,
    private readonly userSessions: UserSessionsService,
    private readonly mailer: Mailer,
    private readonly cookie: SessionCookie,
    private readonly attempts: AttemptCookie,
  ) {}

  @Get('sign-in')
  async show(@Query() query: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const back = returnPath(query?.['return']);
    if ((await this.userSessions.identify(request.headers)) !== null) {
      response.redirect(303, back);
      return;
    }
    const notice = NOTICES[text(query, 'notice')];
    this.pages.send(
      response,
      signInPage({ back, providers: this.providers.buttons, ...(notice === undefined ? {} : { notice }) }),
    );
  }

  @Post('sign-in')
  async begin(@Body() body: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const back = returnPath(body?.['return']);
    const email = text(body, 'email');
    try {
      const credentials = signInRequest.safeParse({ email, password: body?.['password'] });
      if (!credentials.success) throw new ProblemError('sign_in_failed');
      this.cookie.set(response, await this.signIn.withPassword(credentials.data, factsOf(request)));
    } catch (error) {
      const failure = explain(error, response);
      this.pages.send(response, signInPage({ back, providers: this.providers.buttons, email, ...failure }));
      return;
    }
    response.redirect(303, back);
  }

  @Get('sign-in/:provider')
  async redirect(
    @Param('provider') provider: string,
    @Query() query: Fields,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const back = returnPath(query?.['return']);
    const { location, attempt } = await this.providers.begin(provider, back, clientAddress(request));
    this.attempts.set(response, attempt);
    response.redirect(302, location.href);
  }

  @Get('sign-in/:provider/callback')
  async receive(
    @Param('provider') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const attempt = this.attempts.consume(id, request.headers, response);
    const { searchParams } = new URL(request.originalUrl, 'http://callback.invalid');
    const found = await this.providers.finish(id, attempt, searchParams, clientAddress(request));
    const { user, back, provider } = found;
    this.cookie.set(response, await this.signIn.begin(user, provider, factsOf(request)));
    response.redirect(303, back);
  }

  @Post('sign-out')
  async end(@Req() request: Request, @Res() response: Response): Promise<void> {
    this.cookie.clear(response);
    await this.signIn.end(factsOf(request));
    response.redirect(303, '/sign-in?notice=signed-out');
  }

  @Get('reset-password')
  async showReset(@Query() query: Fields, @Res() response: Response): Promise<void> {
    const token = text(query, 'token');
    if (token === '') return this.pages.send(response, askResetPage());
    const user = await this.passwords.findReset(token);
    const page = user === null ? resetExpiredPage() : newPasswordPage({ token, email: user.email });
    this.pages.send(response, page);
  }

  /** Mails a link to an address, or sets the password if the form has the token of such a link. */
  @Post('reset-password')
  async reset(@Body() body: Fields, @Req() request: Request, @Res() response: Response): Promise<void> {
    const token = text(body, 'token');
    if (token === '') return this.requestReset(text(body, 'email'), request, response);
    const user = await this.passwords.findReset(token);
    if (user === null) return this.pages.send(response, resetExpiredPage());
    const { password, problem } = readNewPassword(body?.['password']);
    if (problem !== undefined) {
      return this.pages.send(response, newPasswordPage({ token, email: user.email, problem }));
    }
    const endsAccess = text(body, END_ACCESS) === 'yes';
    const changed = await this.passwords.redeemReset(token, password, clientAddress(request), { endsAccess });
    if (changed === null) return this.pages.send(response, resetExpiredPage());
    response.redirect(303, '/sign-in?notice=password-set');
  }

  private async requestReset(email: string, request: Request, response: Response): Promise<void> {
    const address = emailAddress.safeParse(email);
    if (!address.success) {
      return this.pages.send(response, askResetPage({ problem: 'Enter an email address.', status: 400 }));
    }
    try {
      await this.passwords.requestReset(address.data, clientAddress(request));
    } catch (error) {
      return this.pages.send(response, askResetPage(explain(error, response)));
    }
    this.pages.send(response, resetSentPage({ isMailed: this.mailer.isConfigured }));
  }
}

const NOTICES: Readonly<Record<string, string>> = {
  'signed-out': 'You are signed out.',
  'password-set': 'Your new password is set. Sign in with it.',
};

function text(fields: Fields, name: string): string {
  const value = fields?.[name];
  return typeof value === 'string' && value.length <= 1024 ? value : '';
}

/**
 * Returns the message of a form that is shown again; errors that the person cannot correct are thrown to the filter.
 */
function explain(error: unknown, response: Response): { problem: string; status: number } {
  if (!(error instanceof ProblemError)) throw error;
  if (error.code === 'sign_in_failed') {
    return { problem: 'The email address or the password is wrong.', status: 401 };
  }
  if (error.code === 'too_many_attempts') {
    response.setHeader('Retry-After', error.retryAfterSeconds ?? 1);
    return { problem: `Too many attempts: ${error.detail}.`, status: 429 };
  }
  throw error;
}
