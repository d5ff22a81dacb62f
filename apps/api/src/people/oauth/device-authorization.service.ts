import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  DEVICE_CODE_LIFETIME_MS,
  DEVICE_POLL_INTERVAL_SECONDS,
  generateOAuthSecret,
  generateUserCode,
  hashOAuthSecret,
  hashUserCode,
  MAX_OPEN_DEVICE_AUTHORIZATIONS,
  readUserCode,
  type DeviceAuthorization,
  type Store,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import type { Person } from '../../http/auth/caller.js';
import { findKnownProgram, type KnownProgram } from '../programs/known-programs.js';
import { ProgramsService } from '../programs/programs.service.js';
import { Throttle } from '../sign-in/throttle.js';
import { TokenError, type DeviceAuthorizationRequest } from './token-request.js';
import { newTokens, type TokenResponse } from './tokens.js';

/** RFC 8628 §3.2. */
export interface DeviceAuthorizationResponse {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  /** Lifetime in seconds. */
  readonly expires_in: number;
  /** Seconds between two polls. */
  readonly interval: number;
}

/** A request that waits for a person, who has its code. */
export interface PendingDevice {
  /** In its usual form. */
  readonly userCode: string;
  readonly program: KnownProgram;
  readonly request: DeviceAuthorization;
}

/** Times to draw codes: that even two are taken is as good as impossible. */
const MAX_DRAWS = 3;
const BUSY_RETRY_SECONDS = 60;

/** Signs programs in on machines without a browser: a person enters the machine's code elsewhere (RFC 8628). */
@Injectable()
export class DeviceAuthorizationService {
  private readonly verificationUri: string;

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) settings: Settings,
    private readonly programs: ProgramsService,
    private readonly throttle: Throttle,
  ) {
    this.verificationUri = `${appUrl(settings)}/device`;
  }

  /** Returns codes for a machine. @throws ProblemError `too_many_attempts` */
  async begin(
    { program, deviceName }: DeviceAuthorizationRequest,
    address: string | null,
  ): Promise<DeviceAuthorizationResponse> {
    await this.throttle.count('device-authorization', { address });
    const { deviceCode, userCode } = await this.draw({ clientId: program.clientId, deviceName, address });
    return {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: this.verificationUri,
      verification_uri_complete: `${this.verificationUri}?user_code=${userCode}`,
      expires_in: DEVICE_CODE_LIFETIME_MS / 1000,
      interval: DEVICE_POLL_INTERVAL_SECONDS,
    };
  }

  /**
   * Returns the request with the code that a person typed; null if it is unknown, expired or decided. Wrong codes are
   * counted, so that no one finds the code of another person's machine.
   * @throws ProblemError `too_many_attempts`
   */
  async find({ user }: Person, typed: string, address: string | null): Promise<PendingDevice | null> {
    const tried = { account: user.id, address };
    await this.throttle.count('user-code', tried);
    const userCode = readUserCode(typed);
    if (userCode === null) return null;
    const request = await this.store.deviceAuthorizations.findPending(hashUserCode(userCode), new Date());
    const program = findKnownProgram(request?.clientId);
    if (request === null || program === null) return null;
    await this.throttle.succeed('user-code', tried);
    return { userCode, program, request };
  }

  /**
   * Lets the program act for this person in this team. Returns false if the code no longer works.
   * @throws ProblemError if they are not a member
   */
  async approve(person: Person, teamId: string, { userCode, request }: PendingDevice): Promise<boolean> {
    const outcome = await this.programs.approveDevice(person, teamId, hashUserCode(userCode), request);
    if (outcome === 'not_a_member')
      throw new ProblemError('not_a_member', { detail: 'you are not a member of this team' });
    return outcome !== 'not_pending';
  }

  /** Refuses the request. Returns false if the code no longer works. */
  deny({ userCode }: PendingDevice): Promise<boolean> {
    return this.store.deviceAuthorizations.deny(hashUserCode(userCode), new Date());
  }

  /** Returns the tokens once a person has approved the request. @throws TokenError until then, and if they do not */
  async poll(
    { program, deviceCode }: { readonly program: KnownProgram; readonly deviceCode: string },
    address: string | null,
  ): Promise<TokenResponse> {
    const { hashes, response } = newTokens();
    const request = { deviceCodeHash: hashOAuthSecret(deviceCode), clientId: program.clientId };
    const poll = await this.store.deviceAuthorizations.poll(request, hashes, new Date());
    switch (poll?.outcome) {
      case 'issued':
        return response;
      case 'reissued':
        await this.programs.firstTokensReplaced(poll.program);
        return response;
      case 'pending':
        throw new TokenError('authorization_pending', 'no person has decided yet');
      case 'too_early':
        throw new TokenError('slow_down', 'wait five seconds longer between two requests than before');
      case 'denied':
        throw new TokenError('access_denied', 'the person did not agree, or has left the team');
      case 'expired':
        throw new TokenError('expired_token', 'the device_code has expired');
      case 'used':
        await this.programs.endLeaked(poll.program, address, 'its device code was used twice');
        throw unknownCode();
      case undefined:
        throw unknownCode();
      default:
        throw new Error(`unhandled outcome ${String(poll satisfies never)}`);
    }
  }

  private async draw(draft: {
    readonly clientId: string;
    readonly deviceName: string | null;
    readonly address: string | null;
  }): Promise<{ readonly deviceCode: string; readonly userCode: string }> {
    for (let i = 0; i < MAX_DRAWS; i++) {
      const [deviceCode, userCode] = [generateOAuthSecret('device'), generateUserCode()];
      const hashes = { deviceCodeHash: hashOAuthSecret(deviceCode), userCodeHash: hashUserCode(userCode) };
      const created = await this.store.deviceAuthorizations.create(
        { ...draft, ...hashes, at: new Date() },
        { maxOpen: MAX_OPEN_DEVICE_AUTHORIZATIONS },
      );
      if (created === 'created') return { deviceCode, userCode };
      if (created === 'too_many') {
        throw new ProblemError('too_many_attempts', {
          detail: 'too many machines wait for a person; try again in a minute',
          retryAfterSeconds: BUSY_RETRY_SECONDS,
        });
      }
    }
    throw new Error('every code that was drawn is taken');
  }
}

function unknownCode(): TokenError {
  return new TokenError('invalid_grant', 'the device_code is unknown, used or expired');
}
