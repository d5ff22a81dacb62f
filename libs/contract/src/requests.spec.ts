import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { createApiKeyRequest, updateApiKeyRequest } from './api-keys.js';
import { createInterceptRequest, updateInterceptRequest } from './intercepts.js';
import { pageQuery } from './page.js';
import { createPreviewRequest, updatePreviewRequest } from './previews.js';
import { sessionQuery } from './sessions.js';
import { createTrafficManagerRequest } from './traffic-managers.js';

/** Returns the JSON Pointers of the broken rules; empty if there are none. */
function broken(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path }) => `/${path.join('/')}`);
}

const intercept = { name: 'checkout', workload: 'checkout', namespace: 'shop' };
const ingress = { host: 'checkout.shop', port: 80 };
const preview = { intercept, ingress };
const future = new Date(Date.now() + 3_600_000).toISOString();

describe('a preview', () => {
  it('needs an intercept and an ingress; everything else has a default', () => {
    expect(createPreviewRequest.parse(preview)).toEqual({
      intercept: {
        ...intercept,
        client: '',
        workloadKind: 'Deployment',
        mechanism: 'http',
        mechanismArgs: [],
        targetHost: '',
        targetPort: 0,
        serviceName: '',
        servicePortIdentifier: '',
        disposition: 'UNSPECIFIED',
        message: '',
        metadata: {},
        headers: {},
      },
      ingress: {
        host: 'checkout.shop',
        port: 80,
        useTls: false,
        l5Host: 'checkout.shop',
        verifyTls: true,
        protocol: 'http1',
        addressedAs: 'l5host',
      },
      access: 'team',
      allowedEmails: [],
      allowedDomains: [],
      displayBanner: true,
      allowUpgrades: false,
      pullRequestUrl: null,
      addRequestHeaders: {},
      expiresAt: null,
      idleExpirySeconds: null,
      endsWithSession: false,
      keep: null,
    });
  });

  it('accepts exactly one of an intercept and its ID', () => {
    expect(broken(createPreviewRequest, { ingress })).toEqual(['/intercept']);
    expect(broken(createPreviewRequest, { ...preview, interceptId: 'x:y' })).toEqual(['/intercept']);
    expect(broken(createPreviewRequest, { ingress, interceptId: 'x:y' })).toEqual([]);
  });

  it.each([
    ['an unknown field', { color: 'red' }, '/'],
    ['an unknown access', { access: 'everyone' }, '/access'],
    ['an access in another case', { access: 'PUBLIC' }, '/access'],
    ['a banner that is not a boolean', { displayBanner: 'yes' }, '/displayBanner'],
    ['upgrades that are not a boolean', { allowUpgrades: 'tcp' }, '/allowUpgrades'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    ['an expiry without an offset', { expiresAt: '2999-01-01T00:00:00' }, '/expiresAt'],
    ['a day that does not exist', { expiresAt: '2999-02-30T00:00:00Z' }, '/expiresAt'],
    ['an overlong fraction', { expiresAt: `2999-01-01T00:00:00.${'0'.repeat(50)}Z` }, '/expiresAt'],
    ['a script as pull request', { pullRequestUrl: 'javascript:alert(1)' }, '/pullRequestUrl'],
    ['a URL with a line break', { pullRequestUrl: 'https://git.example.com/\n' }, '/pullRequestUrl'],
    ['a URL without a host', { pullRequestUrl: 'https://?' }, '/pullRequestUrl'],
    ['a URL that is too long', { pullRequestUrl: `https://x.y/${'a'.repeat(2048)}` }, '/pullRequestUrl'],
    ['an intercept without a name', { intercept: { workload: 'w' } }, '/intercept/name'],
    ['an unknown field of the intercept', { intercept: { ...intercept, id: 'x' } }, '/intercept'],
    ['an id with a NUL', { trafficManagerId: 'a\0' }, '/trafficManagerId'],
  ])('refuses %s', (_name, change, pointer) => {
    expect(new Set(broken(createPreviewRequest, { ...preview, ...change }))).toEqual(new Set([pointer]));
  });

  it('changes single fields, but at least one', () => {
    expect(updatePreviewRequest.parse({ access: 'public' })).toEqual({ access: 'public' });
    expect(updatePreviewRequest.parse({ expiresAt: null, pullRequestUrl: null })).toEqual({
      expiresAt: null,
      pullRequestUrl: null,
    });
    expect(broken(updatePreviewRequest, {})).toEqual(['/']);
    expect(broken(updatePreviewRequest, { hostname: 'mine.preview.localhost' })).toContain('/');
    expect(broken(updatePreviewRequest, { ingress: { port: 80 } })).toEqual(['/ingress/host']);
  });
});

describe('an ingress', () => {
  it.each([
    ['http1', false, []],
    ['http1', true, []],
    ['h2c', false, []],
    ['h2c', true, ['/ingress/protocol']],
    ['h2', true, []],
    ['h2', false, ['/ingress/protocol']],
    ['H2', true, ['/ingress/protocol']],
    ['http2', false, ['/ingress/protocol']],
    [null, false, ['/ingress/protocol']],
  ])('accepts %s with useTls %s, or refuses it at: %j', (protocol, useTls, pointers) => {
    const given = { intercept, ingress: { ...ingress, protocol, useTls } };
    expect(broken(createPreviewRequest, given)).toEqual(pointers);
    expect(broken(updatePreviewRequest, { ingress: given.ingress })).toEqual(pointers);
  });

  const parse = (host: string) => broken(createPreviewRequest, { intercept, ingress: { host, port: 80 } });

  it.each([
    'localhost',
    'checkout.shop.svc.cluster.local',
    'my_container',
    '10.0.0.7',
    '::1',
    'fd00::7:1',
    'a'.repeat(63),
    '3scale.example.com',
  ])('takes %s', (host) => {
    expect(parse(host)).toEqual([]);
  });

  it.each([
    '',
    'a'.repeat(64),
    `${'a.'.repeat(126)}ab`,
    '-a.example.com',
    'a..b',
    'example.com.',
    'http://example.com',
    'example.com:80',
    'user@example.com',
    'a b',
    'a\0b',
    'a\r\nHost: b',
    '[::1]',
    'fe80::1%eth0',
    '256.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '10.0.0.0x7',
    'münchen.example',
  ])('refuses %j', (host) => {
    expect(parse(host)).toEqual(['/ingress/host']);
  });

  it('parses host and layer-5 host to lower case', () => {
    const { ingress: parsed } = createPreviewRequest.parse({
      intercept,
      ingress: { host: 'Shop.Local', port: 443 },
    });
    expect([parsed.host, parsed.l5Host]).toEqual(['shop.local', 'shop.local']);
    const l5Host = 'Shop.Example.com';
    const other = createPreviewRequest.parse({ intercept, ingress: { host: '10.0.0.7', port: 443, l5Host } });
    expect(other.ingress.l5Host).toBe('shop.example.com');
  });

  it.each([0, -1, 65_536, 80.5, '80', null])('refuses port %j', (port) => {
    expect(new Set(broken(createPreviewRequest, { intercept, ingress: { host: 'a', port } }))).toEqual(
      new Set(['/ingress/port']),
    );
  });
});

describe('headers that a preview adds', () => {
  const check = (addRequestHeaders: unknown) =>
    broken(createPreviewRequest, { ...preview, addRequestHeaders });

  it('are parsed to lower-case names', () => {
    const { addRequestHeaders } = createPreviewRequest.parse({
      ...preview,
      addRequestHeaders: { 'X-Feature': 'on; really', Authorization: 'Basic eDp5', 'x-empty': '' },
    });
    expect(addRequestHeaders).toEqual({
      'x-feature': 'on; really',
      authorization: 'Basic eDp5',
      'x-empty': '',
    });
  });

  it.each([
    'Host',
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Transfer-Encoding',
    'Content-Length',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'Cookie',
    'Via',
    'Forwarded',
    'X-Forwarded-For',
    'x-forwarded-anything',
    'X-Telepresence-Intercept-Id',
    'X-Ambassador-Api-Key',
    'X-Culvert-Anything',
    'Sec-WebSocket-Key',
  ])('must not be %s', (name) => {
    expect(check({ [name]: '1' })).toEqual([`/addRequestHeaders/${name}`]);
  });

  it.each([
    ['an empty name', '', 'x'],
    ['a name with a space', 'x y', 'x'],
    ['a name with a colon', 'x:', 'x'],
    ['a name with a line break', 'x\r\nHost', 'x'],
    ['a value with a line break', 'x', 'a\r\nHost: b'],
    ['a value with NUL', 'x', 'a\0'],
    ['a value that is not ASCII', 'x', 'ä'],
    ['a value with space at an end', 'x', ' a'],
  ])('are refused with %s', (_name, name, value) => {
    expect(check({ [name]: value })).toEqual([`/addRequestHeaders/${name}`]);
  });

  it('must not repeat a name in another case', () => {
    expect(check({ 'X-A': '1', 'x-a': '2' })).toEqual(['/addRequestHeaders/x-a']);
  });

  it('can be at most 32', () => {
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'v']));
    expect(check(headers(32))).toEqual([]);
    expect(check(headers(33))).toEqual(['/addRequestHeaders']);
  });

  it('can have at most 8 KiB in all', () => {
    expect(check({ 'x-a': 'v'.repeat(8192 - 3 - 4) })).toEqual([]);
    expect(check({ 'x-a': 'v'.repeat(8192 - 3 - 4 + 1) })).toEqual(['/addRequestHeaders']);
  });

  it('must be texts in an object', () => {
    expect(check({ 'x-a': 1 })).toEqual(['/addRequestHeaders/x-a']);
    expect(check([['x-a', '1']])).toEqual(['/addRequestHeaders']);
  });

  it('cannot change a prototype', () => {
    const body = JSON.parse('{"addRequestHeaders":{"__proto__":"x","x-a":"1"}}');
    const { addRequestHeaders } = createPreviewRequest.parse({ ...preview, ...body });
    expect(Object.getPrototypeOf(addRequestHeaders)).toBe(Object.prototype);
    expect(Object.keys(addRequestHeaders)).toEqual(['x-a']);
  });
});

describe('an intercept', () => {
  it.each([
    ['a name that is not a header value', { name: 'a\r\nb' }, '/name'],
    ['a name with a colon', { name: 'a:b' }, '/name'],
    ['a name that is too long', { name: 'a'.repeat(254) }, '/name'],
    ['a namespace that is too long', { namespace: 'a'.repeat(64) }, '/namespace'],
    ['a control character', { client: 'ann\u001b[31m' }, '/client'],
    ['NUL', { message: 'a\0' }, '/message'],
    ['half a character', { message: '\ud800' }, '/message'],
    ['too many arguments', { mechanismArgs: new Array(33).fill('') }, '/mechanismArgs'],
    ['an argument that is too long', { mechanismArgs: ['x'.repeat(1025)] }, '/mechanismArgs/0'],
    ['a port out of range', { targetPort: 65_536 }, '/targetPort'],
    ['a target host that is not a host', { targetHost: 'a b' }, '/targetHost'],
    ['an unknown disposition', { disposition: 'FINE' }, '/disposition'],
    ['metadata that is not text', { metadata: { a: 1 } }, '/metadata/a'],
    ['a metadata key that is too long', { metadata: { ['a'.repeat(129)]: '' } }, '/metadata'],
    [
      'too much metadata',
      { metadata: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) },
      '/metadata',
    ],
  ])('refuses %s', (_name, change, pointer) => {
    expect(broken(createInterceptRequest, { ...intercept, ...change })).toEqual([pointer]);
  });

  it('cannot change its name or its traffic manager', () => {
    expect(broken(updateInterceptRequest, { name: 'other' })).toContain('/');
    expect(broken(updateInterceptRequest, { trafficManagerId: 'other' })).toContain('/');
    expect(broken(updateInterceptRequest, {})).toEqual(['/']);
    expect(updateInterceptRequest.parse({ client: 'ann@laptop' })).toEqual({ client: 'ann@laptop' });
  });
});

describe('an API key', () => {
  it('needs a name, and accepts scopes and an expiry', () => {
    expect(createApiKeyRequest.parse({ name: '  CI  ' })).toEqual({ name: 'CI' });
    expect(broken(createApiKeyRequest, { name: 'CI', scopes: ['tunnel'], expiresAt: future })).toEqual([]);
  });

  it.each([
    ['no name', {}, '/name'],
    ['a name of spaces', { name: '   ' }, '/name'],
    ['a name that is too long', { name: 'x'.repeat(129) }, '/name'],
    ['a name with a line break', { name: 'a\nb' }, '/name'],
    ['an unknown scope', { name: 'CI', scopes: ['root'] }, '/scopes/0'],
    ['a scope twice', { name: 'CI', scopes: ['tunnel', 'tunnel'] }, '/scopes'],
    ['no scope at all', { name: 'CI', scopes: [] }, '/scopes'],
    ['a secret of its own', { name: 'CI', key: 'cvt_mine' }, '/'],
  ])('refuses %s', (_name, body, pointer) => {
    expect(broken(createApiKeyRequest, body)).toEqual([pointer]);
  });

  it('can change only its name', () => {
    expect(broken(updateApiKeyRequest, { scopes: ['tunnel'] })).toContain('/');
  });
});

describe('a traffic manager', () => {
  it('needs a manager id', () => {
    expect(createTrafficManagerRequest.parse({ managerId: 'staging' })).toEqual({
      managerId: 'staging',
      name: '',
      clusterId: '',
    });
    expect(broken(createTrafficManagerRequest, { managerId: '' })).toEqual(['/managerId']);
    expect(broken(createTrafficManagerRequest, { managerId: 'x'.repeat(129) })).toEqual(['/managerId']);
  });
});

describe('a page', () => {
  it('has 50 items by default', () => {
    expect(pageQuery.parse({})).toEqual({ limit: 50 });
    expect(pageQuery.parse({ limit: '200', cursor: 'abc' })).toEqual({ limit: 200, cursor: 'abc' });
  });

  it.each([
    ['limit', '0'],
    ['limit', '201'],
    ['limit', '1.5'],
    ['limit', 'many'],
    ['limit', ''],
    ['limit', ['1', '2']],
    ['cursor', ''],
    ['cursor', 'x'.repeat(513)],
    ['cursor', ['a', 'b']],
  ])('refuses %s=%j', (name, value) => {
    expect(broken(pageQuery, { [name]: value })).toEqual([`/${name}`]);
  });

  it('refuses unknown filters', () => {
    expect(broken(pageQuery, { teamId: 'x' })).toEqual(['/']);
    expect(broken(sessionQuery, { state: 'lost' })).toEqual(['/state']);
  });
});
