/** Signing in on a machine without a browser: a person enters a code in a browser elsewhere (RFC 8628). */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ClientError, OauthClient, statusOf, type StoredTokens, toStoredTokens } from '@culvert/client';
import type { HttpClient } from '@culvert/outbound';
import * as oauth from 'openid-client';

const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628 §3.2 and §3.5. */
const DEFAULT_INTERVAL_SECONDS = 5;
const SLOWDOWN_SECONDS = 5;
const MAX_NAME_LENGTH = 64;

export interface DeviceCodes {
  /** The code that the person enters. */
  readonly userCode: string;
  /** Where they enter it. */
  readonly verificationUri: string;
  /** The same with the code, for a QR code. */
  readonly completeUri: string;
  readonly lifetimeMs: number;
  readonly intervalSeconds: number;
  /** The secret that the tokens are got with. */
  readonly deviceCode: string;
}

export class DeviceSignIn {
  private readonly oauth: OauthClient;

  constructor(url: string, http: HttpClient) {
    this.oauth = new OauthClient(url, http);
  }

  /**
   * Returns codes for this machine; null if the server is of a version without them.
   * @param hostName shown to the person who decides
   * @throws ClientError
   */
  async begin(hostName: string, signal: AbortSignal): Promise<DeviceCodes | null> {
    const name = deviceName(hostName);
    try {
      const codes = await unlessAborted(
        signal,
        oauth.initiateDeviceAuthorization(this.oauth.config, name === '' ? {} : { device_name: name }),
      );
      return {
        userCode: codes.user_code,
        verificationUri: codes.verification_uri,
        completeUri: codes.verification_uri_complete ?? codes.verification_uri,
        lifetimeMs: codes.expires_in * 1000,
        intervalSeconds: codes.interval ?? DEFAULT_INTERVAL_SECONDS,
        deviceCode: codes.device_code,
      };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (statusOf(error) === 404) return null;
      throw this.oauth.explain(error);
    }
  }

  /**
   * Waits until a person has decided. While the server does not answer, it tries again until the code expires.
   * @param onOutage is called when the server first does not answer
   * @throws ClientError
   */
  async wait(codes: DeviceCodes, signal: AbortSignal, onOutage: () => void): Promise<StoredTokens> {
    const endsAt = performance.now() + codes.lifetimeMs;
    let { intervalSeconds } = codes;
    let outage: ClientError | null = null;
    for (;;) {
      await pause(intervalSeconds * 1000, signal);
      const answer = await this.poll(codes.deviceCode, signal);
      if (!(answer instanceof ClientError) && typeof answer !== 'string') return answer;
      if (answer === 'slow_down') intervalSeconds += SLOWDOWN_SECONDS;
      if (!(answer instanceof ClientError)) outage = null;
      else if (answer.code !== 'unreachable') throw answer;
      else {
        if (outage === null) onOutage();
        outage = answer;
      }
      if (performance.now() > endsAt) throw outage ?? tooLate();
    }
  }

  /** Returns the tokens, that there are none yet, or why there will be none. */
  private async poll(
    deviceCode: string,
    signal: AbortSignal,
  ): Promise<StoredTokens | 'authorization_pending' | 'slow_down' | ClientError> {
    const parameters = { device_code: deviceCode };
    try {
      const granted = oauth.genericGrantRequest(this.oauth.config, DEVICE_CODE_GRANT, parameters);
      return toStoredTokens(await unlessAborted(signal, granted));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const code = error instanceof oauth.ResponseBodyError ? error.error : undefined;
      if (code === 'authorization_pending' || code === 'slow_down') return code;
      return code === 'expired_token' ? tooLate() : this.oauth.explain(error);
    }
  }
}

function tooLate(): ClientError {
  return new ClientError('local', 'no one entered the code in time', {
    hint: 'Run "culvert login" again. For a machine that works unattended, use an API key: culvert login --apikey -',
  });
}

/** Returns the part of a host name that the server accepts as a name, or nothing. */
function deviceName(hostName: string): string {
  return hostName
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, MAX_NAME_LENGTH);
}

/** Waits. @throws the reason of `signal` */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}

/** Resolves with the result of `work`, or rejects once `signal` is aborted. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const done = new AbortController();
  try {
    const aborted = once(signal, 'abort', { signal: done.signal }).then(() => {
      throw signal.reason;
    });
    return await Promise.race([work, aborted]);
  } finally {
    done.abort();
  }
}
