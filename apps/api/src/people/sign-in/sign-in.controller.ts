import { Body, Controller, Req, Res } from '@nestjs/common';
import type { ChangePasswordRequest } from '@culvert/contract';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { PasswordChangeService } from './password-change.service.js';
import { SignInService } from './sign-in.service.js';

/** Sign-in and sign-out for programs in browsers. */
@Controller()
export class SignInController {
  constructor(
    private readonly signIn: SignInService,
    private readonly passwords: PasswordChangeService,
  ) {}

  @Operation('signIn')
  async begin(
    @Body() _body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.signIn.withPassword(request, response);
  }

  @Operation('signOut')
  end(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    return this.signIn.end(request, response);
  }

  @Operation('changePassword')
  changePassword(@CurrentPerson() person: Person, @Body() body: ChangePasswordRequest): Promise<void> {
    return this.passwords.change(person, body.currentPassword, body.newPassword);
  }
}
