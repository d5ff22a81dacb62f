import {
  type ApiKey,
  hashSecret,
  isApiKeyUsable,
  isPossibleApiKeySecret,
  isSecretShaped,
  PREVIEW_TOKEN_PREFIX,
  type Store,
} from '@culvert/domain';
import { Field, ownText, type RequestHead } from '@culvert/http1';
import { Histogram } from '@culvert/measure';
import type { ApiKeyUse } from '@culvert/nest';
import {
  type AccessGate,
  ALLOW,
  cookieValue,
  forwardedFor,
  hasOwnAuthorization,
  noteOwnAuthorization,
  refuse,
  RelayError,
  type Route,
  type TrustedProxies,
  type Verdict,
  VISIT_COOKIE,
} from '@culvert/relay';
import { mayReachApp } from '../listener/operator-paths.js';
import { isReserved, type PreviewEntrance } from './preview-entrance.js';
import { isOwnRequest } from './request-origin.js';

/** Milliseconds for which a looked-up credential is remembered, in case the event of its revocation is lost. */
const CREDENTIAL_TTL_MS = 10_000;
const MAX_CREDENTIALS = 10_000;
/** Maximum number of look-ups under way: a flood of made-up credentials must not become a flood of queries. */
const MAX_LOOKUPS = 256;
const MAX_SECRET_LENGTH = 512;
const BEARER = /^bearer +((?:cvp|cvt)_\S+)$/i;
/**
 * A key that an operator chose can have any form. A value with the form of a JWT belongs to the service and is not
 * looked up.
 */
const CHOSEN_BEARER = /^bearer +(?!eyJ[^.]+\.[^.]+\.)([\x21-\x7e]{8,512})$/i;

/** `none`: does not let anyone in. */
export const CREDENTIAL_KINDS = ['api-key', 'preview-token', 'visit', 'none'] as const;

/** The result of looking up a secret. */
interface Credential {
  readonly kind: (typeof CREDENTIAL_KINDS)[number];
  /** The API key; null if the secret is not one. */
  readonly apiKey: ApiKey | null;
  readonly teamId: string | null;
  /** ID of the preview that a token or visit opens. */
  readonly previewId: string | null;
  readonly userId: string | null;
  /** Route for which it was looked up. If the route has changed since, it must be looked up again. */
  readonly route: Route | null;
  readonly freshUntil: number;
}

/** A credential that is being looked up. */
interface Lookup {
  readonly route: Route | null;
  readonly promise: Promise<Credential>;
  /** Changes since the query to the store began. Whether they affect the result is known only when it arrives. */
  readonly changes: ((credential: Credential) => boolean)[];
}

/**
 * Decides who can open a preview: anyone if it is public; otherwise an API key of its team, a token of the preview, or
 * a browser that was let in. Strangers cannot tell a private preview from a missing one. A credential in a header is
 * judged alone: cookies beside it are ignored.
 */
export class PreviewGate implements AccessGate {
  /** Times of looking up credentials. */
  readonly lookupTimes = new Histogram([{ name: 'credential', values: [...CREDENTIAL_KINDS, 'failed'] }]);
  private readonly credentials = new Map<string, Credential>();
  private readonly lookups = new Map<string, Lookup>();
  private readonly scheme: 'http' | 'https';
  private readonly cookieName: string;
  private readonly suffix: string;
  private readonly trustedProxies: TrustedProxies;

  constructor(
    private readonly store: Pick<Store, 'apiKeys' | 'previewTokens' | 'previewVisits'>,
    private readonly entrance: PreviewEntrance,
    private readonly apiKeyUse: Pick<ApiKeyUse, 'record'>,
    options: {
      readonly scheme: 'http' | 'https';
      readonly previewDomain: string;
      readonly trustedProxies: TrustedProxies;
    },
  ) {
    this.scheme = options.scheme;
    this.cookieName = VISIT_COOKIE[options.scheme];
    this.suffix = `.${options.previewDomain}`;
    this.trustedProxies = options.trustedProxies;
  }

  check(
    route: Route | null,
    request: RequestHead,
    hostname: string,
    peer: string,
  ): Verdict | Promise<Verdict> {
    if (isReserved(request.target)) return this.enter(route, request, hostname, peer);
    if (route?.kind === 'app' && !mayReachApp(request, peer)) return refuse('unknown_host');
    if (route !== null && route.access === 'public') return ALLOW;
    if (route === null && !hostname.endsWith(this.suffix)) return refuse('unknown_host');
    const header = headerSecret(request);
    if (header !== null) {
      // Mistyped keys are not looked up: look-ups are limited to MAX_LOOKUPS, and a flood of such keys costs nothing to
      // make.
      return isPossibleApiKeySecret(header)
        ? this.judgeHeader(header, route, request, peer)
        : refuse('access_denied');
    }
    const i = request.find(Field.COOKIE);
    const cookie = i < 0 ? null : cookieValue(request.value(i), this.cookieName);
    if (cookie === null) return this.judgeBearer(route, request, hostname, peer);
    const held = this.held(cookie, route);
    if (held !== null) return this.judgeVisit(held, route, request, hostname);
    if (!isSecretShaped(cookie)) return this.entrance.turnAway(request, hostname);
    return this.find(cookie, route).then((found) => this.judgeVisit(found, route, request, hostname));
  }

  /** Returns the visitor of a request that was let in, by its credential. */
  visitorOf(request: RequestHead): {
    readonly kind: 'anyone' | 'member' | 'share-link' | 'preview-token' | 'api-key';
    readonly id: string | null;
  } {
    const secret = this.secretOf(request);
    const found = secret === null ? undefined : this.credentials.get(secret);
    switch (found?.kind) {
      case 'api-key':
        return { kind: 'api-key', id: found.apiKey?.id ?? null };
      case 'preview-token':
        return { kind: 'preview-token', id: null };
      case 'visit':
        return { kind: found.userId === null ? 'share-link' : 'member', id: found.userId };
      case 'none':
      case undefined:
        return { kind: 'anyone', id: null };
    }
  }

  /**
   * Reports whether the credential that let a request in has since been forgotten, because of a change or for room: its
   * exchange must be judged again.
   */
  isForgotten(request: RequestHead): boolean {
    const secret = this.secretOf(request);
    return secret !== null && !this.credentials.has(secret);
  }

  /** Forgets an API key at once. */
  forgetKey(apiKeyId: string): void {
    this.forget((credential) => credential.apiKey?.id === apiKeyId);
  }

  /** Forgets all credentials of a person at once. */
  forgetUser(userId: string): void {
    this.forget((credential) => credential.userId === userId || credential.kind === 'none');
  }

  /** Forgets everything, after events may have been lost. */
  forgetAll(): void {
    this.forget(() => true);
  }

  private forget(concerns: (credential: Credential) => boolean): void {
    for (const { changes } of this.lookups.values()) changes.push(concerns);
    for (const [secret, credential] of this.credentials)
      if (concerns(credential)) this.credentials.delete(secret);
  }

  private enter(
    route: Route | null,
    request: RequestHead,
    hostname: string,
    peer: string,
  ): Verdict | Promise<Verdict> {
    if (route?.kind === 'app') return ALLOW;
    if (route === null && !hostname.endsWith(this.suffix)) return refuse('unknown_host');
    const address = this.trustedProxies.clientOf(peer, forwardedFor(request));
    return this.entrance.enter(route, request, hostname, address);
  }

  /** Returns the secret in `request`: a key or token in a header, or else a visit's cookie. Null if it has neither. */
  private secretOf(request: RequestHead): string | null {
    const header = headerSecret(request);
    if (header !== null) return header;
    if (hasOwnAuthorization(request)) return chosenBearer(request);
    const i = request.find(Field.COOKIE);
    return i < 0 ? null : cookieValue(request.value(i), this.cookieName);
  }

  private held(secret: string, route: Route | null): Credential | null {
    const held = this.credentials.get(secret);
    return held?.route === route && held.freshUntil > performance.now() ? held : null;
  }

  /**
   * Judges a secret in a header. The secret of a browser's visit is accepted only as a cookie, where its origin is
   * checked.
   */
  private judgeHeader(
    secret: string,
    route: Route | null,
    request: RequestHead,
    peer: string,
  ): Verdict | Promise<Verdict> {
    const held = this.held(secret, route);
    if (held !== null) return headerVerdict(held, route);
    return this.find(secret, route).then((found) => {
      const verdict = headerVerdict(found, route);
      this.recordUse(found, verdict, request, peer);
      return verdict;
    });
  }

  /** Judges an Authorization field that does not have our form. Most belong to the service, but some can be keys. */
  private judgeBearer(
    route: Route | null,
    request: RequestHead,
    hostname: string,
    peer: string,
  ): Verdict | Promise<Verdict> {
    const bearer = chosenBearer(request);
    if (bearer === null) return this.entrance.turnAway(request, hostname);
    const judge = (found: Credential): Verdict => {
      if (found.kind !== 'api-key') return this.entrance.turnAway(request, hostname);
      noteOwnAuthorization(request);
      return headerVerdict(found, route);
    };
    const held = this.held(bearer, route);
    if (held !== null) return judge(held);
    return this.find(bearer, route).then((found) => {
      const verdict = judge(found);
      this.recordUse(found, verdict, request, peer);
      return verdict;
    });
  }

  /** Records the use of a key, once for each look-up and not for each request: a held result is only seconds old. */
  private recordUse({ apiKey }: Credential, verdict: Verdict, request: RequestHead, peer: string): void {
    if (verdict.kind === 'allow' && apiKey !== null)
      this.apiKeyUse.record(apiKey, this.trustedProxies.clientOf(peer, forwardedFor(request)));
  }

  /** Judges the secret in the cookie. A key or token there is ignored: it would skip the check of the origin. */
  private judgeVisit(
    found: Credential,
    route: Route | null,
    request: RequestHead,
    hostname: string,
  ): Verdict {
    if (found.kind !== 'visit' || route === null || found.previewId !== route.id)
      return this.entrance.turnAway(request, hostname);
    return isOwnRequest(request, this.scheme) ? ALLOW : refuse('cross_site_request');
  }

  private find(secret: string, route: Route | null): Promise<Credential> {
    const underWay = this.lookups.get(secret);
    if (underWay?.route === route) return underWay.promise;
    if (this.lookups.size >= MAX_LOOKUPS) {
      return Promise.reject(new RelayError('too_many_requests', 'Too many credentials are being looked up.'));
    }
    const changes: Lookup['changes'] = [];
    const began = performance.now();
    const settle = (kind: Credential['kind'] | 'failed'): void => {
      this.lookupTimes.observeAs([kind], performance.now() - began);
      if (this.lookups.get(secret)?.promise === promise) this.lookups.delete(secret);
    };
    const promise = this.lookUp(secret, route, changes).then(
      (credential) => {
        settle(credential.kind);
        return credential;
      },
      (error: unknown) => {
        settle('failed');
        throw error;
      },
    );
    this.lookups.set(secret, { route, promise, changes });
    return promise;
  }

  private async lookUp(secret: string, route: Route | null, changes: Lookup['changes']): Promise<Credential> {
    let credential: Credential;
    do {
      changes.length = 0;
      credential = await this.read(secret, route);
    } while (changes.some((concerns) => concerns(credential)));
    if (this.credentials.size >= MAX_CREDENTIALS) {
      for (const oldest of this.credentials.keys()) {
        this.credentials.delete(oldest);
        break;
      }
    }
    this.credentials.set(ownText(secret), credential);
    return credential;
  }

  private async read(secret: string, route: Route | null): Promise<Credential> {
    const now = new Date();
    const hash = hashSecret(secret);
    if (secret.startsWith(PREVIEW_TOKEN_PREFIX)) {
      const token = await this.store.previewTokens.findUsable(hash, now);
      if (token === null) return known({ kind: 'none', route }, null);
      return known({ kind: 'preview-token', previewId: token.previewId, route }, token.expiresAt);
    }
    if (isSecretShaped(secret)) {
      const visit = await this.store.previewVisits.findUsable(hash, now);
      if (visit !== null) {
        const { previewId, userId } = visit;
        return known({ kind: 'visit', previewId, userId, route }, visit.expiresAt);
      }
    }
    const key = await this.store.apiKeys.findByHash(hash);
    if (key === null || !isApiKeyUsable(key, now) || !key.scopes.includes('previews:read'))
      return known({ kind: 'none', route }, null);
    return known({ kind: 'api-key', apiKey: key, teamId: key.teamId, route }, key.expiresAt);
  }
}

function headerVerdict(found: Credential, route: Route | null): Verdict {
  switch (found.kind) {
    case 'api-key':
      return route !== null && found.teamId === route.teamId ? ALLOW : refuse('unknown_host');
    case 'preview-token':
      return route !== null && found.previewId === route.id ? ALLOW : refuse('access_denied');
    case 'visit':
    case 'none':
      return refuse('access_denied');
    default:
      throw new Error(`unhandled credential ${String(found.kind satisfies never)}`);
  }
}

function known(
  found: Partial<Credential> & Pick<Credential, 'kind' | 'route'>,
  expiresAt: Date | null,
): Credential {
  const leftMs = expiresAt === null ? CREDENTIAL_TTL_MS : expiresAt.getTime() - Date.now();
  return {
    apiKey: null,
    teamId: null,
    previewId: null,
    userId: null,
    ...found,
    freshUntil: performance.now() + Math.min(leftMs, CREDENTIAL_TTL_MS),
  };
}

/** Returns the key or token in a header; '' for a value that cannot be one. Null if there is no such header. */
function headerSecret(request: RequestHead): string | null {
  let authorization = -1;
  for (let i = 0; i < request.count; i++) {
    const id = request.id(i);
    if (id === Field.PREVIEW_TOKEN || id === Field.API_KEY) {
      const secret = request.value(i);
      return secret.length > MAX_SECRET_LENGTH ? '' : secret;
    }
    if (id === Field.AUTHORIZATION) authorization = i;
  }
  // Any other Authorization belongs to the service.
  return authorization < 0 ? null : (BEARER.exec(request.value(authorization))?.[1] ?? null);
}

function chosenBearer(request: RequestHead): string | null {
  const i = request.find(Field.AUTHORIZATION);
  return i < 0 ? null : (CHOSEN_BEARER.exec(request.value(i))?.[1] ?? null);
}
