import { type ApiKey, generateApiKeySecret, hashApiKeySecret, type Store } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import {
  ALLOW,
  hasOwnAuthorization,
  refuse,
  Route,
  SocketDialer,
  StreamPools,
  TrustedProxies,
  type Verdict,
} from '@culvert/relay';
import { beforeEach, describe, expect, it } from 'vitest';
import { PreviewEntrance } from './preview-entrance.js';
import { PreviewGate } from './preview-gate.js';

const SECRET = 'cvt_secret-of-team-one';
/** Key in the form of `openssl rand -hex 24`, which operators use for the first key. */
const CHOSEN = '6f0d1c2b3a4958677869504132';

function route(access: 'team' | 'public', teamId = 'one'): Route {
  const pool = new StreamPools().open(new SocketDialer(() => expect.unreachable()));
  return Route.forPreview(
    {
      id: 'p',
      teamId,
      hostname: 'a.preview.test',
      interceptId: 'i',
      ingress: 'web:80',
      l5Host: 'web',
      addRequestHeaders: {},
      access,
      expiresAt: Infinity,
    },
    pool,
  );
}

function request(key?: string): RequestHead {
  const line = key === undefined ? '' : `X-Ambassador-Api-Key: ${key}\r\n`;
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a.preview.test\r\n${line}\r\n`);
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

describe(PreviewGate.name, () => {
  let key: ApiKey;
  let stored: string;
  let lookups: number;
  let beforeAnswer: () => void;
  let gate: PreviewGate;
  /** Used keys, with their addresses. */
  let uses: string[];

  beforeEach(() => {
    key = {
      id: 'k',
      teamId: 'one',
      name: 'laptop',
      hint: 'cvt_',
      scopes: ['previews:read'],
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      lastUsedAddress: null,
      createdByUserId: null,
      createdByApiKeyId: null,
      workloadIdentityId: null,
      replacesId: null,
      createdAt: new Date(),
    };
    lookups = 0;
    stored = SECRET;
    beforeAnswer = () => {};
    const apiKeys = {
      findByHash: async (hash: string) => {
        lookups++;
        const found = hash === hashApiKeySecret(stored) ? key : null;
        await Promise.resolve();
        beforeAnswer();
        return found;
      },
    };
    const store = { apiKeys } as unknown as Store;
    const scheme = 'https';
    uses = [];
    const use = { record: ({ id }: { id: string }, address: string | null) => uses.push(`${id} ${address}`) };
    const entrance = new PreviewEntrance(store, { scheme, appUrl: 'https://app.test' });
    gate = new PreviewGate(store, entrance, use, {
      scheme,
      previewDomain: 'preview.test',
      trustedProxies: new TrustedProxies(['10.0.0.0/8']),
    });
  });

  const check = async (to: Route | null, shown: RequestHead): Promise<Verdict> =>
    gate.check(to, shown, 'a.preview.test', '10.0.0.1');

  it('lets anyone into a public preview, without a promise', () => {
    expect(gate.check(route('public'), request(), 'a.preview.test', '10.0.0.1')).toBe(ALLOW);
  });

  it('lets a key of the team into a private preview, and remembers it', async () => {
    const to = route('team');
    expect(await check(to, request(SECRET))).toBe(ALLOW);
    expect(gate.check(to, request(SECRET), 'a.preview.test', '10.0.0.1')).toBe(ALLOW);
    expect(lookups).toBe(1);
  });

  it.each([
    ['/', '192.0.2.1', ALLOW],
    ['/metrics', '127.0.0.1', ALLOW],
    ['/metrics', '192.0.2.1', refuse('unknown_host')],
  ])('answers a request to the app for %s from %s with %s', (target, peer, verdict) => {
    const pool = new StreamPools().open(new SocketDialer(() => expect.unreachable()));
    const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    const head = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    expect(gate.check(Route.forApp('app.test', pool), head, 'app.test', peer)).toBe(verdict);
  });

  describe('a key that an operator chose, as bearer', () => {
    const bearer = (text: string): RequestHead => {
      const bytes = Buffer.from(
        `GET / HTTP/1.1\r\nHost: a.preview.test\r\nAuthorization: Bearer ${text}\r\n\r\n`,
      );
      return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    };

    it('is accepted, is not forwarded to the service, and is checked again after its revocation', async () => {
      stored = CHOSEN;
      const to = route('team');
      for (let i = 0; i < 2; i++) {
        const shown = bearer(CHOSEN);
        expect(await check(to, shown)).toBe(ALLOW);
        expect(hasOwnAuthorization(shown)).toBe(true);
        expect(gate.visitorOf(shown)).toEqual({ kind: 'api-key', id: 'k' });
        expect(gate.isForgotten(shown)).toBe(false);
      }
      expect([lookups, uses]).toEqual([1, ['k 10.0.0.1']]);
      const shown = bearer(CHOSEN);
      await check(to, shown);
      key = { ...key, revokedAt: new Date() };
      gate.forgetKey('k');
      expect(gate.isForgotten(shown)).toBe(true);
      expect(await check(to, shown)).toBe(refuse('access_denied'));
    });

    it('of another team finds nothing, like any other key of that team', async () => {
      stored = CHOSEN;
      expect(await check(route('team', 'two'), bearer(CHOSEN))).toBe(refuse('unknown_host'));
    });

    it('is distinguished from a bearer of the service, which is forwarded', async () => {
      const shown = bearer('their-own-token');
      expect(await check(route('team'), shown)).toBe(refuse('access_denied'));
      expect(hasOwnAuthorization(shown)).toBe(false);
      expect(await check(route('team'), bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln'))).toBe(
        refuse('access_denied'),
      );
      expect(lookups).toBe(1);
    });
  });

  it.each([
    ['no key', undefined],
    ['an unknown key', 'cvt_wrong'],
    ['a key of absurd length', 'x'.repeat(513)],
  ])('denies %s', async (_name, secret) => {
    expect(await check(route('team'), request(secret))).toBe(refuse('access_denied'));
  });

  it('denies a key with a wrong checksum without looking it up', () => {
    const secret = generateApiKeySecret();
    const mistyped = secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0');
    expect(gate.check(route('team'), request(mistyped), 'a.preview.test', '10.0.0.1')).toBe(
      refuse('access_denied'),
    );
    expect(lookups).toBe(0);
  });

  // A key that an operator chose may look like a browser's secret. In a cookie it would skip the check of the origin.
  it.each(['with nothing known', 'once the key is known from a header'])(
    'does not accept a key in the cookie, %s',
    async (when) => {
      const secret = 'a'.repeat(43);
      const store = {
        apiKeys: { findByHash: async () => key },
        previewVisits: { findUsable: async () => null },
      } as unknown as Store;
      const scheme = 'https';
      const entrance = new PreviewEntrance(store, { scheme, appUrl: 'https://app.test' });
      const own = new PreviewGate(
        store,
        entrance,
        { record: () => {} },
        { scheme, previewDomain: 'preview.test', trustedProxies: new TrustedProxies([]) },
      );
      const to = route('team');
      if (when.includes('header'))
        expect(await own.check(to, request(secret), 'a.preview.test', '10.0.0.1')).toBe(ALLOW);
      const bytes = Buffer.from(
        `GET / HTTP/1.1\r\nHost: a.preview.test\r\nCookie: __Host-culvert-preview=${secret}\r\n\r\n`,
      );
      const shown = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
      expect(await own.check(to, shown, 'a.preview.test', '10.0.0.1')).not.toBe(ALLOW);
    },
  );

  it('denies a key that is revoked, expired or lacks the scope', async () => {
    for (const change of [
      { revokedAt: new Date() },
      { expiresAt: new Date(0) },
      { scopes: ['tunnel'] as const },
    ]) {
      gate.forgetAll();
      key = { ...key, revokedAt: null, expiresAt: null, scopes: ['previews:read'], ...change };
      expect(await check(route('team'), request(SECRET))).toBe(refuse('access_denied'));
    }
  });

  it('records the use of a key at each look-up, with the address behind trusted proxies', async () => {
    const to = route('team');
    const from = (peer: string, lines = '') => {
      const head = `GET / HTTP/1.1\r\nHost: a.preview.test\r\nX-Ambassador-Api-Key: ${SECRET}\r\n${lines}\r\n`;
      const bytes = Buffer.from(head);
      return gate.check(
        to,
        parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS),
        'a.preview.test',
        peer,
      );
    };
    expect(await from('192.0.2.7', 'X-Forwarded-For: 203.0.113.9\r\n')).toBe(ALLOW);
    expect(await from('192.0.2.8')).toBe(ALLOW);
    gate.forgetKey('k');
    expect(await from('10.0.0.1', 'X-Forwarded-For: forged\r\nX-Forwarded-For: 203.0.113.9\r\n')).toBe(ALLOW);
    expect(uses).toEqual(['k 192.0.2.7', 'k 203.0.113.9']);
    gate.forgetAll();
    key = { ...key, scopes: ['tunnel'] };
    expect(await from('192.0.2.7')).toBe(refuse('access_denied'));
    expect(await check(route('team', 'two'), request(SECRET))).not.toBe(ALLOW);
    expect(uses).toHaveLength(2);
  });

  it('answers a stranger with a valid key as if the private preview did not exist', async () => {
    expect(await check(route('team', 'two'), request(SECRET))).toBe(refuse('unknown_host'));
  });

  it('forgets a key at once when it is revoked', async () => {
    await check(route('team'), request(SECRET));
    key = { ...key, revokedAt: new Date() };
    gate.forgetKey('k');
    expect(await check(route('team'), request(SECRET))).toBe(refuse('access_denied'));
  });

  it('looks up a key again if it was revoked during the look-up', async () => {
    beforeAnswer = () => {
      beforeAnswer = () => {};
      key = { ...key, revokedAt: new Date() };
      gate.forgetKey('k');
    };
    expect(await check(route('team'), request(SECRET))).toBe(refuse('access_denied'));
    expect(lookups).toBe(2);
  });

  it('looks up a key once, and remembers it, if others are revoked in the meantime', async () => {
    beforeAnswer = () => {
      gate.forgetKey('another');
      gate.forgetUser('anybody');
    };
    const to = route('team');
    expect(await check(to, request(SECRET))).toBe(ALLOW);
    expect(await check(to, request(SECRET))).toBe(ALLOW);
    expect(lookups).toBe(1);
  });

  it('forgets the credential of a request when its key is revoked, but not when another is', async () => {
    await check(route('team'), request(SECRET));
    gate.forgetKey('another');
    expect([gate.isForgotten(request(SECRET)), gate.isForgotten(request())]).toEqual([false, false]);
    gate.forgetKey('k');
    expect(gate.isForgotten(request(SECRET))).toBe(true);
  });
});
