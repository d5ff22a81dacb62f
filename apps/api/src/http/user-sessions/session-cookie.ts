import { Inject, Injectable } from '@nestjs/common';
import { isSecretShaped, USER_SESSION_LIFETIME_MS } from '@culvert/domain';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { IncomingHttpHeaders } from 'node:http';
import type { CookieOptions, CookieTarget } from '../cookie.js';
import { readCookie } from '../read-cookie.js';

const NAME = 'culvert-session';

/**
 * The cookie with the token of a session. Over https its name has the prefix `__Host-`: browsers then accept it only
 * from this host, so that a preview on a sibling host cannot replace it.
 */
@Injectable()
export class SessionCookie {
  private readonly name: string;
  private readonly options: CookieOptions;

  constructor(@Inject(SETTINGS) { public: { scheme } }: Settings) {
    const secure = scheme === 'https';
    this.name = secure ? `__Host-${NAME}` : NAME;
    this.options = { httpOnly: true, secure, sameSite: 'lax', path: '/' };
  }

  /** Null if there is none, more than one, or another value under its name. */
  read(headers: IncomingHttpHeaders): string | null {
    const value = readCookie(headers.cookie, this.name);
    return value !== null && isSecretShaped(value) ? value : null;
  }

  set(response: CookieTarget, token: string): void {
    response.cookie(this.name, token, { ...this.options, maxAge: USER_SESSION_LIFETIME_MS });
  }

  clear(response: CookieTarget): void {
    response.clearCookie(this.name, this.options);
  }
}
