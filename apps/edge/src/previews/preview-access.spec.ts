/** Credentials that pass the gate: tables of requests for one private preview, one public one and none. */
import { createHash } from 'node:crypto';
import {
  generateSecret,
  hashSecret,
  MAX_SHARE_LINK_VISITS_PER_NETWORK,
  type PreviewVisitDraft,
  type Store,
  type VisitOutcome,
} from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import {
  ALLOW,
  refuse,
  RelayError,
  Route,
  SocketDialer,
  StreamPools,
  TrustedProxies,
  type Verdict,
} from '@culvert/relay';
import { beforeEach, describe, expect, it } from 'vitest';
import { PreviewEntrance } from './preview-entrance.js';
import { PreviewGate } from './preview-gate.js';

const HOST = 'a.preview.test';
const ORIGIN = `https://${HOST}`;
const TOKEN = generateSecret('cvp_');
const LINK = generateSecret('cvs_');
const VISIT = generateSecret();
const COOKIE = `__Host-culvert-preview=${VISIT}`;

function route(access: 'team' | 'public', id = 'p'): Route {
  return Route.forPreview(
    {
      id,
      teamId: 't',
      hostname: HOST,
      interceptId: 'i',
      ingress: 'web:80',
      l5Host: 'web',
      addRequestHeaders: {},
      access,
      expiresAt: Infinity,
    },
    new StreamPools().open(new SocketDialer(() => expect.unreachable())),
  );
}

function request(line: string, headers: Readonly<Record<string, string>> = {}): RequestHead {
  const fields = Object.entries({ Host: HOST, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(`${line} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

const WEBSOCKET = { Connection: 'Upgrade', Upgrade: 'websocket' };
const PAGE = { Accept: 'text/html,*/*' };
const PREFLIGHT = { Origin: 'https://x.test', 'Access-Control-Request-Method': 'DELETE' };

describe('the gate of a private preview', () => {
  let gate: PreviewGate;
  let usable: boolean;
  /** Share link of the visit. */
  let shareLinkId: string | null;
  let outcome: VisitOutcome;
  let lookups: number;
  let visits: PreviewVisitDraft[];
  let code: { hash: string; nonceHash: string; previewId: string } | null;

  beforeEach(() => {
    usable = true;
    shareLinkId = null;
    outcome = 'created';
    lookups = 0;
    visits = [];
    code = null;
    const credential = { id: 'x', teamId: 't', previewId: 'p', expiresAt: new Date(Date.now() + 60_000) };
    const find = (secret: string, found: object) => async (hash: string) => {
      lookups++;
      return usable && hash === hashSecret(secret) ? found : null;
    };
    const store = {
      apiKeys: { findByHash: async () => null },
      previewTokens: { findUsable: find(TOKEN, credential) },
      shareLinks: { findUsable: find(LINK, credential) },
      previewVisits: {
        findUsable: (hash: string) =>
          find(VISIT, { ...credential, userId: shareLinkId === null ? 'u' : null, shareLinkId })(hash),
        create: async (draft: PreviewVisitDraft) => {
          if (outcome === 'created') visits.push(draft);
          return outcome;
        },
        consumeCode: async (hash: string) => {
          const taken = code?.hash === hash ? code : null;
          code = null;
          return taken && { ...taken, teamId: 't', userId: 'u', userSessionId: 's' };
        },
      },
    } as unknown as Store;
    const entrance = new PreviewEntrance(store, { scheme: 'https', appUrl: 'https://app.test' });
    const apiKeyUse = { record: () => expect.unreachable() };
    gate = new PreviewGate(store, entrance, apiKeyUse, {
      scheme: 'https',
      previewDomain: 'preview.test',
      trustedProxies: new TrustedProxies([]),
    });
  });

  const check = async (to: Route | null, shown: RequestHead): Promise<Verdict | RelayError> => {
    try {
      return await gate.check(to, shown, HOST, '192.0.2.1');
    } catch (error) {
      return error as RelayError;
    }
  };
  const answerOf = (verdict: Verdict | RelayError) => {
    if (verdict instanceof RelayError || verdict.kind !== 'respond') throw new Error('not an answer');
    return verdict.answer;
  };
  const summary = (verdict: Verdict | RelayError): string => {
    if (verdict instanceof RelayError) return String(verdict.status);
    if (verdict.kind === 'respond') return String(verdict.answer.status);
    return verdict.kind === 'refuse' ? verdict.code : verdict.kind;
  };

  it.each<[string, string, Record<string, string>, string]>([
    ['no credential', 'GET /', {}, 'access_denied'],
    ['a browser that opens a page', 'GET /a?b=c', PAGE, '302'],
    ['a browser that reports a navigation', 'GET /a', { 'Sec-Fetch-Mode': 'navigate' }, '302'],
    ['a script of a page', 'GET /a', { ...PAGE, 'Sec-Fetch-Mode': 'cors' }, 'access_denied'],
    ['a form', 'POST /a', { ...PAGE, 'Content-Length': '0' }, 'access_denied'],
    ['a WebSocket', 'GET /ws', { ...WEBSOCKET, ...PAGE }, 'access_denied'],
    ['server-sent events', 'GET /events', { Accept: 'text/event-stream' }, 'access_denied'],
    ['a preflight (peers.md 11)', 'OPTIONS /a', PREFLIGHT, '204'],
    ['a preflight with a body', 'OPTIONS /a', { ...PREFLIGHT, 'Content-Length': '3' }, 'access_denied'],
    ['a preflight with a cookie', 'OPTIONS /a', { ...PREFLIGHT, Cookie: 'a=1' }, 'access_denied'],
    ['OPTIONS that is not a preflight', 'OPTIONS /a', { Origin: 'https://x.test' }, 'access_denied'],
    ['a token', 'GET /', { 'Culvert-Preview-Token': TOKEN }, 'allow'],
    ['a token with underscores', 'GET /', { culvert_preview_token: TOKEN }, 'allow'],
    ['a token as bearer', 'POST /', { Authorization: `Bearer ${TOKEN}` }, 'allow'],
    ['a wrong token', 'GET /', { 'Culvert-Preview-Token': `${TOKEN}x`, ...PAGE }, 'access_denied'],
    ['a bearer of the service', 'GET /', { Authorization: 'Bearer theirs' }, 'access_denied'],
    [
      'a wrong token and a good cookie (peers.md 7)',
      'GET /',
      { 'Culvert-Preview-Token': 'x', Cookie: COOKIE },
      'access_denied',
    ],
    ['an absurdly long token', 'GET /', { 'Culvert-Preview-Token': 'x'.repeat(600) }, 'access_denied'],
    ['a cookie', 'GET /', { Cookie: `a=1; ${COOKIE}` }, 'allow'],
    ['a cookie of another name', 'GET /', { Cookie: `culvert-preview=${VISIT}` }, 'access_denied'],
    ['a made-up cookie', 'GET /', { Cookie: `__Host-culvert-preview=${generateSecret()}` }, 'access_denied'],
    [
      'a cookie on a WebSocket of its own page (peers.md 3)',
      'GET /',
      { ...WEBSOCKET, Cookie: COOKIE, Origin: ORIGIN },
      'allow',
    ],
    [
      'a cookie on a WebSocket of a sibling (peers.md 3)',
      'GET /',
      { ...WEBSOCKET, Cookie: COOKIE, Origin: 'https://b.preview.test' },
      'cross_site_request',
    ],
    [
      'a cookie on a WebSocket without an origin',
      'GET /',
      { ...WEBSOCKET, Cookie: COOKIE },
      'cross_site_request',
    ],
    [
      'a cookie on a form of a sibling',
      'POST /',
      { Cookie: COOKIE, 'Sec-Fetch-Site': 'same-site' },
      'cross_site_request',
    ],
    [
      'a cookie on a form of its own, without referrer',
      'POST /',
      { Cookie: COOKIE, 'Sec-Fetch-Site': 'same-origin', Origin: 'null' },
      'allow',
    ],
    ['a cookie on a POST of an old browser', 'POST /', { Cookie: COOKIE, Origin: ORIGIN }, 'allow'],
    [
      'a cookie on a POST of an old browser from another origin',
      'POST /',
      { Cookie: COOKIE, Origin: `${ORIGIN}:81` },
      'cross_site_request',
    ],
    [
      'a cookie on a link from another site',
      'GET /',
      { Cookie: COOKIE, 'Sec-Fetch-Site': 'cross-site' },
      'allow',
    ],
    [
      'a token on a WebSocket from another origin',
      'GET /',
      { ...WEBSOCKET, 'Culvert-Preview-Token': TOKEN, Origin: 'https://x.test' },
      'allow',
    ],
    ['the reserved path', 'GET /.culvert/anything', { 'Culvert-Preview-Token': TOKEN }, 'unknown_host'],
  ])('answers a request with its verdict: %s', async (_who, line, headers, expected) => {
    expect(summary(await check(route('team'), request(line, headers)))).toBe(expected);
  });

  it.each<[string, Record<string, string>]>([
    ['GET /', {}],
    ['GET /a?b', PAGE],
    ['POST /', PAGE],
    ['OPTIONS /', PREFLIGHT],
    ['GET /', { 'Culvert-Preview-Token': generateSecret('cvp_') }],
    ['GET /', { Cookie: `__Host-culvert-preview=${generateSecret()}`, ...PAGE }],
    ['GET /.culvert/sign-in', {}],
    [`GET /.culvert/share/${generateSecret('cvs_')}`, {}],
    [`GET /.culvert/signed-in?code=${generateSecret()}&to=Lw`, {}],
  ])('answers the same for a preview that does not exist (peers.md 6): %s', async (line, headers) => {
    const told = (verdict: Verdict | RelayError) =>
      'kind' in verdict && verdict.kind === 'respond'
        ? [verdict.answer.status, verdict.answer.lines.replace(/nonce=[\w-]+/g, 'nonce=')]
        : [summary(verdict), verdict instanceof RelayError ? verdict.message : ''];
    const there = told(await check(route('team'), request(line, headers)));
    expect(there).toEqual(told(await check(null, request(line, headers))));
    expect(there[0]).not.toBe('allow');
  });

  it('does not accept a cookie for another preview (peers.md 4)', async () => {
    expect(await check(route('team', 'other'), request('GET /', { Cookie: COOKIE }))).toBe(
      refuse('access_denied'),
    );
    const token = { 'Culvert-Preview-Token': TOKEN };
    expect(await check(route('team', 'other'), request('GET /', token))).toBe(refuse('access_denied'));
  });

  it(
    'answers a known cookie without a promise, and looks it up again when the preview or the person ' +
      'changed',
    async () => {
      const to = route('team');
      const shown = request('GET /', { Cookie: COOKIE });
      expect(await check(to, shown)).toBe(ALLOW);
      expect(gate.check(to, shown, HOST, '192.0.2.1')).toBe(ALLOW);
      expect(lookups).toBe(1);
      usable = false;
      gate.forgetUser('somebody else');
      expect(gate.check(to, shown, HOST, '192.0.2.1')).toBe(ALLOW);
      gate.forgetUser('u');
      expect(await check(to, shown)).toBe(refuse('access_denied'));
      usable = true;
      expect(await check(route('team'), shown)).toBe(ALLOW);
    },
  );

  it('keeps any requested page, and redirects nowhere else (peers.md 5)', async () => {
    for (const target of ['/a/%2e%2e/b?x=%26&y', '//evil.test/x', '/@evil.test/%0d%0aa']) {
      const answer = answerOf(await check(route('team'), request(`GET ${target}`, PAGE)));
      const [, location = ''] = /^Location: (.*)\r$/m.exec(answer.lines) ?? [];
      const url = new URL(location);
      expect([url.origin, url.pathname]).toEqual(['https://app.test', '/preview-access']);
      const nonce =
        /__Host-culvert-nonce=([\w-]+); Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure/.exec(
          answer.lines,
        )![1];
      expect(url.searchParams.get('nonce')).toBe(createHash('sha256').update(nonce).digest('hex'));
      const secret = generateSecret();
      code = { hash: hashSecret(secret), nonceHash: hashSecret(nonce), previewId: 'p' };
      const back = `GET /.culvert/signed-in?code=${secret}&to=${url.searchParams.get('to')}`;
      const Cookie = `__Host-culvert-nonce=${nonce}`;
      const done = answerOf(await check(route('team'), request(back, { Cookie })));
      expect(done.lines).toContain(`Location: ${ORIGIN}${target}\r\n`);
      expect(done.lines).toMatch(
        /__Host-culvert-preview=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure/,
      );
      expect(done.toResponse('').toString()).toContain(
        'Cache-Control: no-store\r\nReferrer-Policy: no-referrer',
      );
      expect(summary(await check(route('team'), request(back, { Cookie })))).toBe('401');
    }
    expect(visits).toHaveLength(3);
  });

  it.each(['no nonce', 'another nonce', 'another preview', 'a made-up code'])(
    'refuses a code with %s (peers.md 5)',
    async (flaw) => {
      const [secret, nonce] = [generateSecret(), generateSecret()];
      code = {
        hash: hashSecret(flaw === 'a made-up code' ? 'x' : secret),
        nonceHash: hashSecret(flaw === 'another nonce' ? generateSecret() : nonce),
        previewId: flaw === 'another preview' ? 'other' : 'p',
      };
      const headers: Record<string, string> =
        flaw === 'no nonce' ? {} : { Cookie: `__Host-culvert-nonce=${nonce}` };
      const line = `GET /.culvert/signed-in?code=${secret}&to=Lw`;
      expect(summary(await check(route('team'), request(line, headers)))).toBe('401');
      expect(visits).toEqual([]);
    },
  );

  it('lets visitors in by a share link, and removes the secret from the address (peers.md 13)', async () => {
    const open = (rest: string, to = route('team')) =>
      check(to, request(`GET /.culvert/share/${LINK}${rest}`));
    for (const [rest, target] of [
      ['', '/'],
      ['/a?b', '/a?b'],
      ['?b', '/?b'],
      ['//evil.test', '//evil.test'],
    ] as const) {
      const answer = answerOf(await open(rest));
      expect([answer.status, answer.lines.split('\r\n')[0]]).toEqual([303, `Location: ${ORIGIN}${target}`]);
      expect(answer.lines).not.toContain(LINK);
    }
    expect(visits).toHaveLength(4);
    expect(await open('', route('team', 'other'))).toBe(refuse('unknown_host'));
    usable = false;
    expect(await open('')).toBe(refuse('unknown_host'));
    expect(await check(route('team'), request(`HEAD /.culvert/share/${LINK}`))).toBe(refuse('unknown_host'));
    expect(visits).toHaveLength(4);
  });

  it('begins one visit for a browser that opens a share link repeatedly', async () => {
    const shown = request(`GET /.culvert/share/${LINK}/a`, { Cookie: COOKIE });
    shareLinkId = 'x';
    const answer = answerOf(await check(route('team'), shown));
    expect([answer.status, answer.lines]).toEqual([303, `Location: ${ORIGIN}/a\r\n`]);
    shareLinkId = null;
    expect(answerOf(await check(route('team'), shown)).lines).not.toContain('Set-Cookie');
    expect(visits).toEqual([]);
    shareLinkId = 'another link';
    expect(answerOf(await check(route('team'), shown)).lines).toContain('Set-Cookie');
    expect(visits).toHaveLength(1);
  });

  it('limits the visits by a share link for one network, and reports when the next one can begin', async () => {
    const shown = request(`GET /.culvert/share/${LINK}`);
    for (let i = 0; i < MAX_SHARE_LINK_VISITS_PER_NETWORK; i++) await check(route('team'), shown);
    const refused = (await check(route('team'), shown)) as RelayError;
    expect([refused.status, refused.retryAfterSeconds]).toEqual([429, 3600]);
    expect(visits).toHaveLength(MAX_SHARE_LINK_VISITS_PER_NETWORK);
  });

  it.each<[VisitOutcome, string]>([
    ['link_full', '429'],
    ['preview_full', '429'],
    ['gone', 'unknown_host'],
  ])('answers a share link whose visit is %s', async (cannot, expected) => {
    outcome = cannot;
    expect(summary(await check(route('team'), request(`GET /.culvert/share/${LINK}`)))).toBe(expected);
  });
});
