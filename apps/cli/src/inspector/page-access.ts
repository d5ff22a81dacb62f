/**
 * Access to the inspector, for the browser that opened the URL with this run's token. Other accounts of the machine can
 * connect to loopback, and must not read requests or send replays.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const TOKEN_BYTES = 24;

export class PageAccess {
  private readonly token = randomBytes(TOKEN_BYTES).toString('base64url');

  /** Returns the URL that a person opens. It is a secret. */
  urlOf(origin: string): string {
    return `${origin}/?token=${this.token}`;
  }

  /** Reports whether the query of a request contains the token. */
  isInvited(query: string): boolean {
    return this.isToken(new URLSearchParams(query).get('token') ?? '');
  }

  /** Reports whether a request has the cookie of a browser that was let in. */
  isAdmitted({ cookie = '' }: IncomingHttpHeaders, port: number): boolean {
    const start = `${cookieName(port)}=`;
    return cookie
      .split('; ')
      .some((each) => each.startsWith(start) && this.isToken(each.slice(start.length)));
  }

  /** Returns the value of Set-Cookie that lets a browser in until it is closed. */
  cookieFor(port: number): string {
    return `${cookieName(port)}=${this.token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  private isToken(value: string): boolean {
    return timingSafeEqual(digest(value), digest(this.token));
  }
}

/** Cookies do not belong to a port: each inspector of this machine has its own. */
function cookieName(port: number): string {
  return `culvert-inspector-${port}`;
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
