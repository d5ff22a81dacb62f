import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Public } from '@culvert/nest';
import { IgnoresCookies } from '../../http/auth/require-scope.js';
import type { Request, Response } from 'express';
import { clientAddress } from '../../http/client-address.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import { readRevocationRequest, readTokenRequest, TokenError } from './token-request.js';
import { TokenService, type TokenResponse } from './token.service.js';

interface TokenErrorBody {
  readonly error: string;
  readonly error_description: string;
}

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
  ): Promise<TokenResponse | TokenErrorBody> {
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
  ): Promise<void | TokenErrorBody> {
    return sayErrors(response, async () =>
      this.tokens.revoke(readRevocationRequest(request.headers, formOf(body)), clientAddress(request)),
    );
  }
}

function formOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

/** Sends a TokenError in the format of RFC 6749 §5.2. */
async function sayErrors<T>(response: Response, answer: () => Promise<T>): Promise<T | TokenErrorBody> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    response.status(error.code === 'invalid_client' ? 401 : 400);
    if (error.code === 'invalid_client') response.setHeader('WWW-Authenticate', 'Basic realm="culvert"');
    return { error: error.code, error_description: error.description };
  }
}
