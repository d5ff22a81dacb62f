import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Public } from '@culvert/nest';
import { IgnoresCookies } from '../../http/auth/require-scope.js';
import type { Request, Response } from 'express';
import { clientAddress } from '../../http/client-address.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import { formOf, sayErrors, type OAuthErrorBody } from './oauth-errors.js';
import { readRevocationRequest, readTokenRequest } from './token-request.js';
import { TokenService } from './token.service.js';
import type { ExchangedTokenResponse, TokenResponse } from './tokens.js';

/** The token endpoint of RFC 6749 and the revocation endpoint of RFC 7009, for public clients only. */
@Public()
@IgnoresCookies(true)
@CountedByAddress('token')
@Controller()
export class TokenController {
  constructor(private readonly tokens: TokenService) {}

  @Post('token')
  @HttpCode(200)
  async token(
    @Req() request: Request,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokenResponse | ExchangedTokenResponse | OAuthErrorBody> {
    response.setHeader('Pragma', 'no-cache');
    return sayErrors(response, async () =>
      this.tokens.answer(readTokenRequest(request.headers, formOf(body)), clientAddress(request)),
    );
  }

  /**
   * Responds with 200 for any token: the token does not work afterwards, which is what the caller wanted (RFC 7009
   * §2.2).
   */
  @Post('revoke')
  @HttpCode(200)
  async revoke(
    @Req() request: Request,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void | OAuthErrorBody> {
    return sayErrors(response, async () =>
      this.tokens.revoke(readRevocationRequest(request.headers, formOf(body)), clientAddress(request)),
    );
  }
}
