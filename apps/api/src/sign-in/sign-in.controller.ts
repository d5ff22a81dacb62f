import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { changePasswordRequest, signInRequest, type ChangePasswordRequest } from '@culvert/contract';
import { Public } from '@culvert/nest';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { PasswordChangeService } from './password-change.service.js';
import { SignInService } from './sign-in.service.js';

/** Signing in and out for programs in browsers. */
@Controller('api/v1')
export class SignInController {
  constructor(
    private readonly signIn: SignInService,
    private readonly passwords: PasswordChangeService,
  ) {}

  @Post('sign-in')
  @Public()
  @HttpCode(204)
  async begin(
    @Body({ schema: signInRequest }) _body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.signIn.withPassword(request, response);
  }

  @Post('sign-out')
  @RequireScope('user')
  @HttpCode(204)
  end(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    return this.signIn.end(request, response);
  }

  @Post('me/password')
  @RequireScope('user')
  @HttpCode(204)
  changePassword(
    @CurrentPerson() person: Person,
    @Body({ schema: changePasswordRequest }) body: ChangePasswordRequest,
  ): Promise<void> {
    return this.passwords.change(person, body.currentPassword, body.newPassword);
  }
}
