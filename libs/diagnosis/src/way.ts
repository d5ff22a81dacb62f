/** The way from this process to Culvert, as checks look at it. */
import { isIP } from 'node:net';

/** How to reach Culvert. */
export interface Way {
  /** URL of Culvert, as settings spell it. */
  readonly url: string;
  /** PEM certificates that are trusted in addition to the usual ones. */
  readonly ca: string | undefined;
  /** Returns the credential. Null: there is none, so that checks that need one are skipped. */
  readonly secret: (() => Promise<string>) | null;
  /** Version of this program. */
  readonly version: string;
  /** Returns how to get another version of this program, as a sentence. */
  readonly howToUpdate: (version: string) => string;
}

/** Returns the host of a URL without the brackets of IPv6 addresses. */
export function hostOf(url: string | URL): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** Returns the port of a URL, also if it is that of its scheme. */
export function portOf(url: string | URL): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/** Returns the name for SNI, which is never an address (RFC 6066 §3). */
export function serverNameOf(host: string): string {
  return isIP(host) === 0 ? host : '';
}

/** Returns a URL without the user name and password that it may have. */
export function withoutCredentials(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href.replace(/\/$/, '');
}
