/**
 * Authorization on the host of a preview, over HTTP/1.1 and HTTP/2: every kind of credential in every state, and every
 * path that belongs to Culvert there. A credential or path that is missing here fails the test.
 */
import { once } from 'node:events';
import http from 'node:http';
import type http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { CREDENTIAL_KINDS, PREVIEW_ENTRANCES } from '@culvert/edge';
import { SCOPES, apiKeyHint, generateApiKeySecret, generateSecret, hashSecret } from '@culvert/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY } from '../support/deployment.js';
import {
  type Answer,
  type SendOptions,
  startTlsDeployment,
  type TlsDeployment,
  type TlsPreview,
} from '../support/tls-deployment.js';

const VISIT = '__Host-culvert-preview';
const NONCE = '__Host-culvert-nonce';
const MISSING = 'nothing-here.preview.localhost';
const HOUR_MS = 3_600_000;
const now = Date.now();
const [past, future] = [new Date(now - 1000), new Date(now + HOUR_MS)];

let deployment: TlsDeployment;
let service: http.Server;
/** Number of requests that reached a service. */
let served = 0;
let session: http2.ClientHttp2Session;
/** The credentials are for `own`. */
let previews: Record<'own' | 'sibling' | 'theirs' | 'public', TlsPreview>;
let theirTeamId: string;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    served++;
    request.resume().on('end', () => response.end('the service'));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  deployment = await startTlsDeployment();
  const { store } = deployment;
  theirTeamId = (await store.teams.create('Theirs')).id;
  const theirKey = await apiKey({ teamId: theirTeamId });
  await deployment.startManager();
  await deployment.startManager({ CULVERT_API_KEY: theirKey, CULVERT_MANAGER_ID: 'theirs' });
  const theirs = await deployment.send('localhost', '/api/v1/previews', {
    method: 'POST',
    headers: { authorization: `Bearer ${theirKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      intercept: { name: 'web', workload: 'web', namespace: 'default' },
      ingress: { host: '127.0.0.1', port },
    }),
  });
  previews = {
    own: await deployment.createPreview(port),
    sibling: await deployment.createPreview(port),
    theirs: JSON.parse(theirs.body) as TlsPreview,
    public: await deployment.createPreview(port, { access: 'public' }),
  };
  session = await deployment.connectHttp2();
});

afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
});

/** Sends the same request over both versions, which must agree. */
async function ask(hostname: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const [first, second] = [
    await deployment.send(hostname, path, options),
    await deployment.sendOver(session, hostname, path, options),
  ];
  expect([hostname, path, second.status]).toEqual([hostname, path, first.status]);
  return first;
}

// --- Credentials and their flaws ------------------------------------------------------------------------------

async function apiKey(change: { teamId?: string; scopes?: typeof SCOPES; expiresAt?: Date } = {}) {
  const secret = generateApiKeySecret();
  const { teamId = deployment.teamId, scopes = SCOPES, expiresAt = null } = change;
  await deployment.store.apiKeys.create(teamId, {
    name: 'test',
    hint: apiKeyHint(secret),
    hash: hashSecret(secret),
    scopes,
    expiresAt,
  });
  return secret;
}

async function credential(
  kind: 'previewTokens' | 'shareLinks',
  preview: TlsPreview,
  change: { teamId?: string; expiresAt?: Date; isRevoked?: boolean } = {},
): Promise<string> {
  const { teamId = deployment.teamId, expiresAt = future, isRevoked = false } = change;
  const secret = generateSecret(kind === 'previewTokens' ? 'cvp_' : 'cvs_');
  const draft = { name: 'test', hint: secret.slice(0, 8), hash: hashSecret(secret), expiresAt };
  const maker = await deployment.store.apiKeys.findByHash(hashSecret(await apiKey({ teamId })));
  const by = { kind: 'api-key', apiKeyId: maker!.id } as const;
  const created = await deployment.store[kind].create(teamId, preview.id, draft, { by, max: 100 });
  if (isRevoked) await deployment.store[kind].revoke(teamId, preview.id, created!.id, new Date());
  return secret;
}

/** Changes the last character. */
const mistyped = (secret: string): string => secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');

/** Credentials by kind, with how they are made, and the results for [own, sibling, theirs, public, missing]. */
type Row = readonly [
  what: string,
  headers: () => Promise<SendOptions['headers']>,
  own: number,
  sibling: number,
  theirs: number,
  isPublic: number,
  missing: number,
];
const inKey = async (key: Promise<string> | string) => ({ 'x-ambassador-api-key': await key });
const inToken = async (secret: Promise<string> | string) => ({ 'culvert-preview-token': await secret });
const bearer = async (secret: Promise<string> | string) => ({ authorization: `Bearer ${await secret}` });
const inCookie = async (value: Promise<string> | string) => ({ cookie: `a=1; ${VISIT}=${await value}` });
const token = (change = {}, of: keyof typeof previews = 'own') =>
  credential('previewTokens', previews[of], change);
const visit = async (options = {}, of: keyof typeof previews = 'own') =>
  (await deployment.letIn(previews[of], options)).cookie;

// prettier-ignore
const CREDENTIALS: Readonly<Record<(typeof CREDENTIAL_KINDS)[number], readonly Row[]>> = {
  none: [
    //                                                                                        own  sibl theirs publ missing
    ['nothing',                           async () => ({}),                                   401, 401, 401, 200, 401],
    ['a bearer of the service\'s',        async () => bearer('theirs'),                       401, 401, 401, 200, 401],
    ['a cookie of the service\'s',        async () => ({ cookie: 'session=1' }),              401, 401, 401, 200, 401],
  ],
  'api-key': [
    ['a good key',                        async () => inKey(API_KEY),                         200, 200, 404, 200, 404],
    ['a good key as bearer',              async () => bearer(apiKey()),                       200, 200, 404, 200, 404],
    ['a key without previews:read',       async () => inKey(apiKey({ scopes: ['tunnel'] as never })), 401, 401, 401, 200, 401],
    ['a key with a wrong checksum',       async () => inKey(mistyped(await apiKey())),        401, 401, 401, 200, 401],
    ['an expired key',                    async () => inKey(apiKey({ expiresAt: past })),     401, 401, 401, 200, 401],
    ['a key of another team',             async () => inKey(apiKey({ teamId: theirTeamId })), 404, 404, 200, 200, 404],
    ['a good key as a cookie',            async () => inCookie(API_KEY),                      401, 401, 401, 200, 401],
  ],
  'preview-token': [
    ['a good token',                      async () => inToken(token()),                       200, 401, 401, 200, 401],
    ['a good token as bearer',            async () => bearer(token()),                        200, 401, 401, 200, 401],
    ['a good token as a key',             async () => inKey(token()),                         200, 401, 401, 200, 401],
    ['a mistyped token',                  async () => inToken(mistyped(await token())),       401, 401, 401, 200, 401],
    ['half a token',                      async () => inToken((await token()).slice(0, 20)),  401, 401, 401, 200, 401],
    ['an unknown token',                  async () => inToken(generateSecret('cvp_')),        401, 401, 401, 200, 401],
    ['an expired token',                  async () => inToken(token({ expiresAt: past })),    401, 401, 401, 200, 401],
    ['a revoked token',                   async () => inToken(token({ isRevoked: true })),    401, 401, 401, 200, 401],
    ['a token of another preview',        async () => inToken(token({}, 'sibling')),          401, 200, 401, 200, 401],
    ['a token of another team',           async () => inToken(token({ teamId: theirTeamId }, 'theirs')), 401, 401, 200, 200, 401],
    ['a good token as a cookie',          async () => inCookie(token()),                      401, 401, 401, 200, 401],
    ['a bad token beside a good cookie',  async () => ({ ...(await inToken('cvp_x')), ...(await inCookie(visit())) }), 401, 401, 401, 200, 401],
    ['the secret of a share link',        async () => inToken(credential('shareLinks', previews.own)), 401, 401, 401, 200, 401],
  ],
  visit: [
    ['a good cookie',                     async () => inCookie(visit()),                      200, 401, 401, 200, 401],
    ['an expired cookie',             async () => inCookie(visit({ expiresAt: past })),   401, 401, 401, 200, 401],
    ['a cookie of another preview',       async () => inCookie(visit({}, 'sibling')),         401, 200, 401, 200, 401],
    ['a cookie of another team',          async () => inCookie(visit({ teamId: theirTeamId }, 'theirs')), 401, 401, 200, 200, 401],
    ['a forged cookie',                   async () => inCookie(generateSecret()),             401, 401, 401, 200, 401],
    ['a good cookie with its last character changed', async () => inCookie(mistyped(await visit())), 401, 401, 401, 200, 401],
    ['a good cookie twice',               async () => { const good = await visit(); return { cookie: `${VISIT}=${good}; ${VISIT}=${good}` }; }, 401, 401, 401, 200, 401],
    ['a good cookie behind a forged one', async () => ({ cookie: `${VISIT}=x; ${VISIT}=${await visit()}` }), 401, 401, 401, 200, 401],
    ['a good cookie under the name for plain HTTP', async () => ({ cookie: `culvert-preview=${await visit()}` }), 401, 401, 401, 200, 401],
    ['a good cookie in a header',         async () => inToken(visit()),                       401, 401, 401, 200, 401],
    ['the cookie of a person who left the team',   async () => inCookie(left()),                       401, 401, 401, 200, 401],
    ['the cookie of a share link',        async () => inCookie(shared({})),                   200, 401, 401, 200, 401],
    ['the cookie of a share link that was revoked since', async () => inCookie(shared({ isRevoked: true })), 401, 401, 401, 200, 401],
  ],
};

async function left(): Promise<string> {
  const { cookie, userId } = await deployment.letIn(previews.own);
  await deployment.api('DELETE', `/team/members/${userId}`);
  return cookie;
}

/** Returns the cookie from opening a share link. */
async function shared({ isRevoked = false }): Promise<string> {
  const { own } = previews;
  const { id, url } = await deployment.api<{ id: string; url: string }>(
    'POST',
    `/previews/${own.id}/share-links`,
    {
      name: 'test',
    },
  );
  const { headers } = await deployment.send(own.hostname, new URL(url).pathname);
  if (isRevoked) await deployment.api('DELETE', `/previews/${own.id}/share-links/${id}`);
  return new RegExp(`${VISIT}=([^;]+)`).exec(headers['set-cookie']!.join())![1];
}

describe('a credential', () => {
  it('is in the table for every kind', () => {
    expect(Object.keys(CREDENTIALS).toSorted()).toEqual([...CREDENTIAL_KINDS].toSorted());
  });

  it.each(CREDENTIAL_KINDS.flatMap((kind) => CREDENTIALS[kind]))('%s', async (_what, make, ...expected) => {
    const headers = await make();
    const names = [
      ...(['own', 'sibling', 'theirs', 'public'] as const).map((of) => previews[of].hostname),
      MISSING,
    ];
    served = 0;
    const statuses: number[] = [];
    for (const name of names) statuses.push((await ask(name, '/page', { headers })).status);
    expect(statuses).toEqual(expected);
    // Once per version.
    expect(served).toBe(2 * expected.filter((status) => status === 200).length);
  });
});

// --- Paths that belong to Culvert -----------------------------------------------------------------------------

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
type PathRow = readonly [path: string, own: number, isPublic: number, missing: number];
/** Results of `GET` on [own, public, missing] without valid credentials; every other method gets 404. */
const ENTRANCES: Readonly<Record<(typeof PREVIEW_ENTRANCES)[number], readonly PathRow[]>> = {
  '/.culvert/sign-in': [
    ['/.culvert/sign-in', 302, 302, 302],
    ['/.culvert/sign-in?to=/x', 404, 404, 404],
    ['/.culvert/sign-in/', 404, 404, 404],
  ],
  '/.culvert/signed-in?': [
    ['/.culvert/signed-in?', 401, 401, 401],
    [`/.culvert/signed-in?code=${generateSecret()}&to=Lw`, 401, 401, 401],
  ],
  '/.culvert/share/': [
    ['/.culvert/share/', 404, 404, 404],
    [`/.culvert/share/${generateSecret('cvs_')}`, 404, 404, 404],
    [`/.culvert/share/${generateSecret('cvp_')}/x`, 404, 404, 404],
  ],
  '/.culvert/banner-closed': [
    ['/.culvert/banner-closed', 204, 204, 204],
    ['/.culvert/banner-closed?x', 404, 404, 404],
    ['/.culvert/banner-closed/x', 404, 404, 404],
  ],
};
const UNKNOWN = [
  '/.culvert',
  '/.culvert/',
  '/.culvert?x',
  '/.culvert/anything?x',
  '/.culvert/signed-in',
  '/.culvert/share',
];

describe('a path below /.culvert/', () => {
  it('is in the table if anything is served there', () => {
    expect(Object.keys(ENTRANCES).toSorted()).toEqual([...PREVIEW_ENTRANCES].toSorted());
  });

  const rows = [...Object.values(ENTRANCES).flat(), ...UNKNOWN.map((path): PathRow => [path, 404, 404, 404])];

  it.each(rows)(
    '%s answers with and without credentials, and is never forwarded',
    async (path, ...expected) => {
      served = 0;
      const names = [previews.own.hostname, previews.public.hostname, MISSING];
      const good = { ...(await inKey(API_KEY)), ...(await inCookie(visit())) };
      const shown: SendOptions['headers'][] = [
        {},
        good,
        { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
      ];
      for (const headers of shown) {
        for (const method of METHODS) {
          const statuses: number[] = [];
          for (const name of names) statuses.push((await ask(name, path, { method, headers })).status);
          expect([method, ...statuses]).toEqual([method, ...(method === 'GET' ? expected : [404, 404, 404])]);
        }
      }
      // In absolute form, as a preflight, and as a WebSocket.
      const { hostname } = previews.public;
      const at = `https://${hostname}:${deployment.port}${path}`;
      expect((await deployment.send(hostname, at)).status).toBe(expected[1]);
      const preflight = { origin: 'https://x.test', 'access-control-request-method': 'PUT' };
      expect((await ask(hostname, path, { method: 'OPTIONS', headers: preflight })).status).toBe(404);
      const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
      const socket = await deployment.send(hostname, path, {
        headers: { ...upgrade, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
      });
      expect(socket.status).toBe(expected[1]);
      expect(served).toBe(0);
    },
  );

  it.each([
    '/.culvertx',
    '/.Culvert/sign-in',
    '/%2eculvert/sign-in',
    '/x/../.culvert/sign-in',
    '//.culvert/sign-in',
    '/x?/.culvert/',
  ])('does not match %s, which belongs to the service', async (path) => {
    served = 0;
    expect((await ask(previews.own.hostname, path)).status).toBe(401);
    expect((await ask(previews.own.hostname, path, { headers: await inKey(API_KEY) })).body).toBe(
      'the service',
    );
    expect(served).toBe(2);
  });
});

describe('a share link', () => {
  const open = (of: keyof typeof previews, secret: string, rest = '/x?y') =>
    ask(previews[of].hostname, `/.culvert/share/${secret}${rest}`);
  const link = (change = {}, of: keyof typeof previews = 'own') =>
    credential('shareLinks', previews[of], change);

  it('opens its preview, as often as it is used', async () => {
    const { status, headers } = await open('own', await link());
    expect([status, headers.location]).toEqual([303, `${previews.own.url.replace(/\/$/, '')}/x?y`]);
    expect(headers['set-cookie']!.join()).toMatch(
      new RegExp(`^${VISIT}=[\\w-]{43}; Path=/; Max-Age=\\d+; HttpOnly`),
    );
  });

  it('of a public preview redirects there, and needs no cookie', async () => {
    const { status, headers } = await open('public', await link({}, 'public'));
    expect([status, headers['set-cookie']]).toEqual([303, undefined]);
  });

  it.each<[string, () => Promise<string>]>([
    ['expired', () => link({ expiresAt: past })],
    ['revoked', () => link({ isRevoked: true })],
    ['of another preview', () => link({}, 'sibling')],
    ['of another team', () => link({ teamId: theirTeamId }, 'theirs')],
    ['changed', async () => mistyped(await link())],
    ['cut off', async () => (await link()).slice(0, -1)],
    ['longer', async () => `${await link()}A`],
    ['encoded', async () => (await link()).replace('cvs_', 'cvs%5F')],
    ['the token of the preview', () => token()],
    ['a key of the team', async () => API_KEY],
  ])('that is %s is not found, with any credential', async (_what, make) => {
    served = 0;
    const secret = await make();
    for (const rest of ['', '/', '/x?y']) {
      const { status, headers } = await open('own', secret, rest);
      expect([status, headers['set-cookie']]).toEqual([404, undefined]);
    }
    const options = { headers: await inKey(API_KEY) };
    expect((await ask(previews.own.hostname, `/.culvert/share/${secret}`, options)).status).toBe(404);
    expect(served).toBe(0);
  });
});

describe('the return from the sign-in', () => {
  const nonce = generateSecret();

  async function code(change: { expiresAt?: Date; of?: keyof typeof previews } = {}): Promise<string> {
    const user = await deployment.store.users.findOrCreate('back@visitors.test', 'back');
    await deployment.store.users.addMembership(deployment.teamId, user.id, 'member');
    const at = new Date();
    const { id } = await deployment.store.userSessions.create({
      userId: user.id,
      tokenHash: hashSecret(generateSecret()),
      at,
      address: null,
      userAgent: '',
    });
    const secret = generateSecret();
    await deployment.store.previewVisits.createCode({
      hash: hashSecret(secret),
      teamId: deployment.teamId,
      previewId: previews[change.of ?? 'own'].id,
      nonceHash: hashSecret(nonce),
      userId: user.id,
      userSessionId: id,
      expiresAt: change.expiresAt ?? future,
    });
    return secret;
  }

  const back = (secret: string, headers: SendOptions['headers'] = { cookie: `${NONCE}=${nonce}` }) =>
    deployment.send(previews.own.hostname, `/.culvert/signed-in?code=${secret}&to=L3g`, { headers });

  it('lets the person in once', async () => {
    const secret = await code();
    const { status, headers } = await back(secret);
    expect([status, new URL(headers.location!).pathname]).toEqual([303, '/x']);
    const cookie = headers['set-cookie']!.join().split(';')[0];
    expect((await ask(previews.own.hostname, '/', { headers: { cookie } })).status).toBe(200);
    expect((await back(secret)).status).toBe(401);
  });

  // Each event made edges run the sign-ins under way a second time, when their one-time codes were already used.
  it('works for everyone while another team keeps revoking keys', async () => {
    const { store } = deployment;
    const revoker = bearer(apiKey({ teamId: theirTeamId }));
    const revoke = async (id: string): Promise<void> => {
      const headers = await revoker;
      const { status } = await deployment.send('localhost', `/api/v1/api-keys/${id}`, {
        method: 'DELETE',
        headers,
      });
      expect(status).toBe(204);
    };
    let isOver = false;
    let events = 0;
    const revokeOnAndOn = async (): Promise<void> => {
      while (!isOver) {
        const secret = generateApiKeySecret();
        const draft = { name: 'x', hint: 'x', hash: hashSecret(secret), scopes: [], expiresAt: null };
        const { id } = await store.apiKeys.create(theirTeamId, draft);
        await revoke(id);
        await revoke(id);
        events++;
      }
    };
    const revocations = Promise.all([revokeOnAndOn(), revokeOnAndOn(), revokeOnAndOn()]);
    const codes: string[] = [];
    for (let i = 0; i < 60; i++) codes.push(await code());
    const statuses: number[] = [];
    for (let i = 0; i < codes.length; i += 6) {
      const answers = await Promise.all(codes.slice(i, i + 6).map((secret) => back(secret)));
      statuses.push(...answers.map(({ status }) => status));
    }
    isOver = true;
    await revocations;
    expect(events).toBeGreaterThan(6);
    expect(statuses).toEqual(codes.map(() => 303));
  });

  it.each<[string, () => Promise<Answer>]>([
    ['an expired code', async () => back(await code({ expiresAt: past }))],
    ['a code of another preview', async () => back(await code({ of: 'sibling' }))],
    ['a changed code', async () => back(mistyped(await code()))],
    ['no nonce', async () => back(await code(), {})],
    ['another nonce', async () => back(await code(), { cookie: `${NONCE}=${generateSecret()}` })],
    ['two nonces', async () => back(await code(), { cookie: `${NONCE}=${nonce}; ${NONCE}=${nonce}` })],
    [
      'the nonce under the name for plain HTTP',
      async () => back(await code(), { cookie: `culvert-nonce=${nonce}` }),
    ],
  ])('with %s is refused', async (_what, comeBack) => {
    const { status, headers } = await comeBack();
    expect([status, headers['set-cookie']]).toEqual([401, undefined]);
  });
});
