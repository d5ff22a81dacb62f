import { BANNER_CLOSED_PATH } from '@culvert/banner';
import {
  generateSecret,
  hashSecret,
  isSecretShaped,
  PREVIEW_VISIT_MS,
  SHARE_LINK_PREFIX,
  VISIT_LIMITS,
  type PreviewVisitDraft,
  type ShareLink,
  type Store,
} from '@culvert/domain';
import { Field, type RequestHead } from '@culvert/http1';
import {
  BANNER_COOKIE,
  cookieValue,
  NONCE_COOKIE,
  refuse,
  RelayError,
  respond,
  type Route,
  type Verdict,
  VISIT_COOKIE,
} from '@culvert/relay';
import { ShareLinkRate } from './share-link-rate.js';
import { isNavigation, isPreflight, ownOrigin } from './request-origin.js';

const RESERVED_PATH = '/.culvert';
const SIGN_IN_PATH = '/.culvert/sign-in';
const SIGNED_IN_PREFIX = '/.culvert/signed-in?';
const SHARE_PREFIX = '/.culvert/share/';
/**
 * Targets that every preview's host serves by itself: whole targets, or prefixes. Everything else below `RESERVED_PATH`
 * is 404.
 */
export const PREVIEW_ENTRANCES = [SIGN_IN_PATH, SIGNED_IN_PREFIX, SHARE_PREFIX, BANNER_CLOSED_PATH] as const;

/** Seconds that a person has to sign in. */
const NONCE_SECONDS = 900;
/** Longest target to return to after the sign-in, which travels in URLs. A longer one is dropped. */
const MAX_TARGET_LENGTH = 2700;
/** Seconds for which a closed banner stays hidden. */
const BANNER_CLOSED_SECONDS = 90 * 86_400;
const PREFLIGHT_MAX_AGE_SECONDS = 60;
/** Age of a visit after which opening the share link again in the same browser begins a new one. */
const NEW_VISIT_MS = 60 * 60 * 1000;

/** Reports whether a target belongs to Culvert on every preview's host, and is never forwarded. */
export function isReserved(target: string): boolean {
  if (target.charCodeAt(1) !== DOT || !target.startsWith(RESERVED_PATH)) return false;
  const next = target.charAt(RESERVED_PATH.length);
  return next === '' || next === '/' || next === '?';
}

const DOT = 0x2e;

/**
 * The entrance of a preview: sends visitors to the sign-in, and lets in those who return from it or have a share link.
 */
export class PreviewEntrance {
  private readonly shareLinkRate = new ShareLinkRate();

  constructor(
    private readonly store: Pick<Store, 'previewVisits' | 'shareLinks'>,
    private readonly options: { readonly scheme: 'http' | 'https'; readonly appUrl: string },
  ) {}

  /**
   * Returns the answer for a request without credentials. It depends on the request alone, so it does not reveal
   * whether there is a preview.
   */
  turnAway(request: RequestHead, hostname: string): Verdict {
    if (isPreflight(request)) return preflightAnswer(request);
    return isNavigation(request)
      ? this.sendToSignIn(request, hostname, request.target)
      : refuse('access_denied');
  }

  /** Answers requests for `/.culvert/`. */
  enter(
    route: Route | null,
    request: RequestHead,
    hostname: string,
    address: string,
  ): Verdict | Promise<Verdict> {
    const { method, target } = request;
    if (method !== 'GET') return refuse('unknown_host');
    const entrance = PREVIEW_ENTRANCES.find((start) => target.startsWith(start));
    switch (entrance) {
      case SIGN_IN_PATH:
        return target === SIGN_IN_PATH ? this.sendToSignIn(request, hostname, '/') : refuse('unknown_host');
      case SIGNED_IN_PREFIX:
        return this.finishSignIn(route, request);
      case SHARE_PREFIX:
        return this.openShareLink(route, request, address);
      case BANNER_CLOSED_PATH:
        return target === BANNER_CLOSED_PATH ? this.rememberClosing(request) : refuse('unknown_host');
      case undefined:
        return refuse('unknown_host');
      default:
        throw new Error(`unhandled entrance ${String(entrance satisfies never)}`);
    }
  }

  /**
   * Answers the request of a banner that is closed. It needs no credentials, and the answer is the same whether there
   * is a preview or not; but other sites cannot close the banner.
   */
  private rememberClosing(request: RequestHead): Verdict {
    const site = request.valueNamed('sec-fetch-site');
    if (site !== null && site !== 'same-origin') return refuse('cross_site_request');
    const name = BANNER_COOKIE[this.options.scheme];
    return respond(204, this.setCookie(name, 'closed', BANNER_CLOSED_SECONDS));
  }

  private sendToSignIn(request: RequestHead, hostname: string, target: string): Verdict {
    // Several tabs can sign in at once: they share the nonce.
    const nonce = this.cookieOf(request, NONCE_COOKIE[this.options.scheme]) ?? generateSecret();
    const to = target.length > MAX_TARGET_LENGTH ? '/' : target;
    const location =
      `${this.options.appUrl}/preview-access?host=${encodeURIComponent(hostname)}` +
      `&nonce=${hashSecret(nonce)}&to=${Buffer.from(to, 'latin1').toString('base64url')}`;
    return respond(
      302,
      `Location: ${location}\r\n${this.setCookie(NONCE_COOKIE[this.options.scheme], nonce, NONCE_SECONDS)}`,
    );
  }

  private async finishSignIn(route: Route | null, request: RequestHead): Promise<Verdict> {
    const query = new URLSearchParams(request.target.slice(SIGNED_IN_PREFIX.length));
    const code = query.get('code') ?? '';
    const nonce = this.cookieOf(request, NONCE_COOKIE[this.options.scheme]);
    if (nonce === null || !isSecretShaped(code)) throw signInFailed();
    const now = new Date();
    const taken = await this.store.previewVisits.consumeCode(hashSecret(code), now);
    if (taken === null || taken.previewId !== route?.id || taken.nonceHash !== hashSecret(nonce))
      throw signInFailed();
    const { teamId, previewId, userId, userSessionId } = taken;
    return this.admit(request, decodeTarget(query.get('to') ?? ''), {
      teamId,
      previewId,
      admittedBy: { userId, userSessionId },
      expiresAt: new Date(now.getTime() + PREVIEW_VISIT_MS),
    });
  }

  /** `/.culvert/share/<secret>/and/where?to`: lets the visitor in and redirects to what follows the secret. */
  private async openShareLink(route: Route | null, request: RequestHead, address: string): Promise<Verdict> {
    const [, secret = '', rest = ''] =
      /^([\w-]*)([/?].*)?$/.exec(request.target.slice(SHARE_PREFIX.length)) ?? [];
    const target = rest.startsWith('?') ? `/${rest}` : rest || '/';
    if (!isSecretShaped(secret, SHARE_LINK_PREFIX)) return refuse('unknown_host');
    const now = new Date();
    const link = await this.store.shareLinks.findUsable(hashSecret(secret), now);
    if (link === null || link.previewId !== route?.id) return refuse('unknown_host');
    if (route.access === 'public') return this.goTo(request, target, '');
    const { id: shareLinkId, teamId, previewId } = link;
    const expiresAt = new Date(Math.min(now.getTime() + PREVIEW_VISIT_MS, link.expiresAt.getTime()));
    if (await this.isIn(request, link, expiresAt, now)) return this.goTo(request, target, '');
    const retryAfterSeconds = this.shareLinkRate.consume(shareLinkId, address);
    if (retryAfterSeconds > 0)
      throw new RelayError(
        'too_many_requests',
        'This share link was opened in too many browsers at your address. Try again later, or sign in.',
        { retryAfterSeconds },
      );
    return this.admit(request, target, { teamId, previewId, admittedBy: { shareLinkId }, expiresAt });
  }

  /**
   * Reports whether this browser needs no visit by the link: its person is signed in, or the link let it in during the
   * last hour, or for as long as the link is valid.
   */
  private async isIn(
    request: RequestHead,
    { id: shareLinkId, previewId }: ShareLink,
    expiresAt: Date,
    now: Date,
  ): Promise<boolean> {
    const cookie = this.cookieOf(request, VISIT_COOKIE[this.options.scheme]);
    if (cookie === null) return false;
    const visit = await this.store.previewVisits.findUsable(hashSecret(cookie), now);
    if (visit === null || visit.previewId !== previewId) return false;
    if (visit.userId !== null) return true;
    const isNew = expiresAt.getTime() - visit.expiresAt.getTime() < NEW_VISIT_MS;
    return visit.shareLinkId === shareLinkId && isNew;
  }

  private async admit(
    request: RequestHead,
    target: string,
    draft: Omit<PreviewVisitDraft, 'hash'>,
  ): Promise<Verdict> {
    const secret = generateSecret();
    const now = new Date();
    const outcome = await this.store.previewVisits.create(
      { ...draft, hash: hashSecret(secret) },
      VISIT_LIMITS,
      now,
    );
    switch (outcome) {
      case 'created':
        break;
      case 'gone':
        return refuse('unknown_host');
      case 'link_full':
        throw new RelayError(
          'too_many_requests',
          'This share link has reached its limit of browsers. Ask for another link, or sign in.',
        );
      case 'preview_full':
        throw new RelayError(
          'too_many_requests',
          'This preview has reached its limit of visitors. Try again later.',
        );
      default:
        throw new Error(`unhandled outcome ${String(outcome satisfies never)}`);
    }
    const seconds = Math.max(1, Math.floor((draft.expiresAt.getTime() - now.getTime()) / 1000));
    return this.goTo(request, target, this.setCookie(VISIT_COOKIE[this.options.scheme], secret, seconds));
  }

  /** Redirects with an absolute URL, so that a target like `//elsewhere` stays a path of this host. */
  private goTo(request: RequestHead, target: string, lines: string): Verdict {
    return respond(303, `Location: ${ownOrigin(request, this.options.scheme)}${target}\r\n${lines}`);
  }

  private setCookie(name: string, value: string, maxAgeSeconds: number): string {
    const secure = this.options.scheme === 'https' ? '; Secure' : '';
    return `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}\r\n`;
  }

  private cookieOf(request: RequestHead, name: string): string | null {
    const i = request.find(Field.COOKIE);
    const value = i < 0 ? null : cookieValue(request.value(i), name);
    return value !== null && isSecretShaped(value) ? value : null;
  }
}

/**
 * Answers a preflight, which needs no credentials: the request after it passes the gate like any other, and without
 * `Allow-Credentials` browsers send no cookie with it. The service decides in its own response what other pages can
 * read.
 */
function preflightAnswer(request: RequestHead): Verdict {
  const headers = request.valueNamed('access-control-request-headers');
  return respond(
    204,
    `Access-Control-Allow-Origin: ${request.valueNamed('origin') ?? ''}\r\n` +
      `Access-Control-Allow-Methods: ${request.valueNamed('access-control-request-method') ?? ''}\r\n` +
      (headers === null ? '' : `Access-Control-Allow-Headers: ${headers}\r\n`) +
      `Access-Control-Max-Age: ${PREFLIGHT_MAX_AGE_SECONDS}\r\nVary: Origin\r\n`,
  );
}

/** Returns the target that `sendToSignIn` wrote; `/` for any other text. */
function decodeTarget(text: string): string {
  const target = Buffer.from(text, 'base64url').toString('latin1');
  return /^\/[\x21-\x7e\x80-\xff]*$/.test(target) && !isReserved(target) ? target : '/';
}

function signInFailed(): RelayError {
  return new RelayError('access_denied', 'Sign-in was not completed. Open the preview again.');
}
