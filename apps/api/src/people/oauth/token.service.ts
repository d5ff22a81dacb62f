import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { hashOAuthSecret, judgeRefreshToken, type Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { ProgramsService } from '../programs/programs.service.js';
import { WorkloadSignInService } from '../workload-identities/workload-sign-in.service.js';
import { DeviceAuthorizationService } from './device-authorization.service.js';
import {
  ACCESS_TOKEN_TYPE,
  DEVICE_CODE_GRANT,
  TOKEN_EXCHANGE_GRANT,
  TokenError,
  type ExchangeRequest,
  type RevocationRequest,
  type TokenRequest,
} from './token-request.js';
import { newTokens, type ExchangedTokenResponse, type TokenResponse } from './tokens.js';

/** Exchanges codes, device codes and refresh tokens for tokens. */
@Injectable()
export class TokenService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly programs: ProgramsService,
    private readonly devices: DeviceAuthorizationService,
    private readonly workloads: WorkloadSignInService,
  ) {}

  /** @throws TokenError */
  answer(request: TokenRequest, address: string | null): Promise<TokenResponse | ExchangedTokenResponse> {
    switch (request.grantType) {
      case 'authorization_code':
        return this.exchange(request, address);
      case DEVICE_CODE_GRANT:
        return this.devices.poll(request, address);
      case 'refresh_token':
        return this.refresh(request, address);
      case TOKEN_EXCHANGE_GRANT:
        return this.exchangePlatformToken(request, address);
      default:
        throw new Error(`unhandled grant ${String(request satisfies never)}`);
    }
  }

  /** Ends the program that has this token, of either kind, with all its tokens. Does nothing for an unknown token. */
  async revoke({ program, token }: RevocationRequest, address: string | null): Promise<void> {
    const hash = hashOAuthSecret(token);
    if (program === null) return this.workloads.revoke(hash);
    const found =
      (await this.store.programs.findByRefreshTokenHash(hash)) ??
      (await this.store.programs.findByAccessTokenHash(hash, new Date()));
    if (found === null || found.program.clientId !== program.clientId) return;
    await this.programs.endByItself(found.program, address);
  }

  private async exchangePlatformToken(
    { subjectToken, workloadIdentityId }: ExchangeRequest,
    address: string | null,
  ): Promise<ExchangedTokenResponse> {
    const issued = await this.workloads.signIn(workloadIdentityId, subjectToken, address);
    // RFC 8693 §2.2.2: this code for a token that is invalid or not acceptable.
    if ('refusal' in issued) throw new TokenError('invalid_request', issued.refusal);
    return {
      access_token: issued.secret,
      issued_token_type: ACCESS_TOKEN_TYPE,
      token_type: 'Bearer',
      expires_in: issued.lifetimeSeconds,
      scope: issued.scopes.join(' '),
    };
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
