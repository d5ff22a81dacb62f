/** How browsers keep a cookie. */
export interface CookieOptions {
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: 'lax';
  readonly path: string;
  /** Milliseconds; without it the browser forgets the cookie when it is closed. */
  readonly maxAge?: number;
}

/** The part of a response that sets cookies. */
export interface CookieTarget {
  cookie(name: string, value: string, options: CookieOptions): unknown;
  clearCookie(name: string, options: CookieOptions): unknown;
}
