import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Public } from '@culvert/platform';
import { IgnoresCookies } from '../auth/require-scope.js';
import type { Request, Response } from 'express';
import { clientAddress } from '../http/client-address.js';
import { CountedByAddress } from '../rate-limits/address-rate.guard.js';
import { readTokenRequest, TokenError } from './token-request.js';
import { TokenService, type TokenResponse } from './token.service.js';

/** The token endpoint of RFC 6749, for public clients only. */
@Public()
@IgnoresCookies(true)
@CountedByAddress('token')
@Controller('token')
export class TokenController {
  constructor(private readonly tokens: TokenService) {}

  @Post()
  @HttpCode(200)
  async token(
    @Req() request: Request,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokenResponse | { error: string; error_description: string }> {
    response.setHeader('Pragma', 'no-cache');
    const form = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    try {
      return await this.tokens.answer(readTokenRequest(request.headers, form), clientAddress(request));
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      response.status(error.code === 'invalid_client' ? 401 : 400);
      if (error.code === 'invalid_client') response.setHeader('WWW-Authenticate', 'Basic realm="culvert"');
      return { error: error.code, error_description: error.description };
    }
  }
}
