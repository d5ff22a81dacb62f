import { Body, Controller, Req, Res } from '@nestjs/common';
import type { ChangePasswordRequest, SignInRequest } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { factsOf } from '../../http/request-facts.js';
import { SessionCookie } from '../../http/user-sessions/session-cookie.js';
import { PasswordChangeService } from './password-change.service.js';
import { SignInService } from './sign-in.service.js';

/** Sign-in and sign-out for programs in browsers. */
@Controller()
export class SignInController {
  constructor(
    private readonly signIn: SignInService,
    private readonly passwords: PasswordChangeService,
    private readonly cookie: SessionCookie,
  ) {}

  @Operation('signIn')
  async begin(
    @Body() body: SignInRequest,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    this.cookie.set(response, await this.signIn.withPassword(body, factsOf(request)));
  }

  @Operation('signOut')
  async end(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    // Cleared first: the browser must not keep a session whose end could not be recorded.
    this.cookie.clear(response);
    await this.signIn.end(factsOf(request));
  }

  @Operation('changePassword')
  changePassword(@CurrentPerson() person: Person, @Body() body: ChangePasswordRequest): Promise<void> {
    return this.passwords.change(person, body.currentPassword, body.newPassword);
  }
}
