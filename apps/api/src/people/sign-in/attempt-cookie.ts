import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { CookieOptions, CookieTarget } from '../../http/cookie.js';
import { readCookie } from '../../http/read-cookie.js';
import { returnPath } from '../../http/pages/return-path.js';

const NAME = 'culvert-sign-in';
const LIFETIME_MS = 10 * 60_000;

/** State of a sign-in while the person is at an identity provider. */
const attempt = z.strictObject({
  provider: z.string(),
  back: z.string(),
  /** Values that the response of the provider has to fit. */
  expected: z.strictObject({ state: z.string(), nonce: z.string().optional(), verifier: z.string() }),
});
export type SignInAttempt = z.output<typeof attempt>;

/**
 * Keeps an attempt in the browser that made it: an answer in another browser is refused, and abandoned attempts need no
 * storage. HttpOnly, and with the prefix `__Host-` over https, like the session cookie.
 */
@Injectable()
export class AttemptCookie {
  private readonly name: string;
  private readonly options: CookieOptions;

  constructor(@Inject(SETTINGS) { public: { scheme } }: Settings) {
    const secure = scheme === 'https';
    this.name = secure ? `__Host-${NAME}` : NAME;
    this.options = { httpOnly: true, secure, sameSite: 'lax', path: '/' };
  }

  set(response: CookieTarget, value: SignInAttempt): void {
    const text = Buffer.from(JSON.stringify(value)).toString('base64url');
    response.cookie(this.name, text, { ...this.options, maxAge: LIFETIME_MS });
  }

  /** Returns the attempt of this browser at this provider, and removes it. */
  consume(provider: string, headers: IncomingHttpHeaders, response: CookieTarget): SignInAttempt | null {
    response.clearCookie(this.name, this.options);
    const parsed = attempt.safeParse(parseJson(readCookie(headers.cookie, this.name) ?? ''));
    if (!parsed.success || parsed.data.provider !== provider) return null;
    return { ...parsed.data, back: returnPath(parsed.data.back) };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
