import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  ACCESS_TOKEN_LIFETIME_MS,
  generateOAuthSecret,
  hashOAuthSecret,
  judgeRefreshToken,
  type Store,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { ProgramsService } from '../programs/programs.service.js';
import { TokenError, type RevocationRequest, type TokenRequest } from './token-request.js';

/** RFC 6749 §5.1. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Lifetime in seconds. */
  readonly expires_in: number;
  readonly refresh_token: string;
  /** Sent because programs also ask for `openid`, which they do not use. */
  readonly scope: string;
}

/** Exchanges codes and refresh tokens for tokens. */
@Injectable()
export class TokenService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly programs: ProgramsService,
  ) {}

  /** @throws TokenError */
  answer(request: TokenRequest, address: string | null): Promise<TokenResponse> {
    return request.grantType === 'authorization_code'
      ? this.exchange(request, address)
      : this.refresh(request, address);
  }

  /** Ends the program that has this token, of either kind, with all its tokens. Does nothing for an unknown token. */
  async revoke({ program, token }: RevocationRequest, address: string | null): Promise<void> {
    const hash = hashOAuthSecret(token);
    const found =
      (await this.store.programs.findByRefreshTokenHash(hash)) ??
      (await this.store.programs.findByAccessTokenHash(hash, new Date()));
    if (found === null || found.program.clientId !== program.clientId) return;
    await this.programs.endByItself(found.program, address);
  }

  /** Exchanges a code. A successful exchange uses it up; one that is refused for another reason does not. */
  private async exchange(
    request: TokenRequest & { grantType: 'authorization_code' },
    address: string | null,
  ): Promise<TokenResponse> {
    const now = new Date();
    const pending = await this.store.programs.findByCodeHash(hashOAuthSecret(request.code));
    if (pending === null || pending.program.clientId !== request.program.clientId) throw unknown('code');
    const { program } = pending;
    if (pending.redirectUri !== request.redirectUri) {
      throw new TokenError('invalid_grant', 'redirect_uri is not the one that the code was sent to');
    }
    if (!isVerifierOf(pending.codeChallenge, request.codeVerifier)) {
      throw new TokenError('invalid_grant', 'code_verifier does not belong to the code');
    }
    if (!pending.isUsed && pending.expiresAt <= now) throw unknown('code');
    const { hashes, response } = newTokens();
    if (
      pending.isUsed ||
      !(await this.store.programs.exchangeCode(program.teamId, program.id, hashes, now))
    ) {
      // RFC 6749 §4.1.2: the code leaked, and one of the two users has tokens that they should not have.
      await this.programs.endLeaked(program, address, 'its code was used twice');
      throw unknown('code');
    }
    return response;
  }

  private async refresh(
    request: TokenRequest & { grantType: 'refresh_token' },
    address: string | null,
  ): Promise<TokenResponse> {
    const now = new Date();
    const hash = hashOAuthSecret(request.refreshToken);
    const token = await this.store.programs.findByRefreshTokenHash(hash);
    if (token === null || token.program.clientId !== request.program.clientId) throw unknown('refresh_token');
    const verdict = judgeRefreshToken(token, now);
    if (verdict === 'reused')
      await this.programs.endLeaked(token.program, address, 'an old refresh token was used again');
    if (verdict !== 'usable') throw unknown('refresh_token');
    const { hashes, response } = newTokens();
    if (!(await this.store.programs.refresh(token.program.teamId, hash, hashes, now))) {
      throw unknown('refresh_token');
    }
    return response;
  }
}

function newTokens() {
  const accessToken = generateOAuthSecret('access');
  const refreshToken = generateOAuthSecret('refresh');
  const hashes = {
    accessTokenHash: hashOAuthSecret(accessToken),
    refreshTokenHash: hashOAuthSecret(refreshToken),
  };
  const response: TokenResponse = {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: ACCESS_TOKEN_LIFETIME_MS / 1000,
    refresh_token: refreshToken,
    scope: 'profile email',
  };
  return { hashes, response };
}

/** RFC 7636 §4.6, method S256. */
function isVerifierOf(codeChallenge: string, codeVerifier: string): boolean {
  const computed = Buffer.from(createHash('sha256').update(codeVerifier).digest('base64url'));
  const expected = Buffer.from(codeChallenge);
  return computed.length === expected.length && timingSafeEqual(computed, expected);
}

/** Returns the same error for tokens and codes that are unknown, expired, used or another person's. */
function unknown(what: 'code' | 'refresh_token'): TokenError {
  return new TokenError('invalid_grant', `the ${what} is unknown, used or expired`);
}
