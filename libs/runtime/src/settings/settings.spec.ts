import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { appUrl, loadSettings, previewUrl, type App } from './settings.js';

const SPLIT = { DATABASE_URL: 'postgresql://culvert:pw@db/culvert', REDIS_URL: 'redis://redis:6379' };

// Self-signed for localhost, for these tests only.
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUMZQBzIV//jv8vcbLhlTypG9vcOEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMDIyMzI1M1oYDzIxMjYxMDI3
MjIzMjUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASHJgqmYhRPmdnD2WJY4h3qxdk03KeX5vxiGAuVkeE3j4DDw3c+J4ql
PieFhSm7ZIT5rs/Na9XHkBB5RPn06hxLo1MwUTAdBgNVHQ4EFgQURXZVFzxjiWR2
X1Bz3iANM6ukIPcwHwYDVR0jBBgwFoAURXZVFzxjiWR2X1Bz3iANM6ukIPcwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAWLZxdkSGPxbkjG2QsE4Du
bIoHhycsu1NyRKeEtEMEqwIhANOc3R2y1Q4hWn7uyDDUu4YoUb3F+PpK8gqs+nRP
d2jb
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDtF0NwimCS0vLtK2
nlzZp62fGJLV1Pf0MZ4Gsdt6UnKhRANCAASHJgqmYhRPmdnD2WJY4h3qxdk03KeX
5vxiGAuVkeE3j4DDw3c+J4qlPieFhSm7ZIT5rs/Na9XHkBB5RPn06hxL
-----END PRIVATE KEY-----`;
const OTHER_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHbTfuQDH2iDTUrh3
IWyKAlpSDzYdMt6W7X0pSmL2dvOhRANCAATfakRhk96qV4M6eZSC0Fd/UDZH3hna
8VCeEezBuBAiCr+b1WLSskuzMWKoaBx5i5TSfDuGnNoU7vP9H4/kQJsF
-----END PRIVATE KEY-----`;

function problemsOf(env: Record<string, string>, app: App = 'standalone') {
  try {
    loadSettings(app, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadSettings', () => {
  it('has a default for everything in standalone', () => {
    const settings = loadSettings('standalone', {});
    expect(settings.listen).toEqual({ port: 8080, host: undefined, adminPort: null, metrics: null });
    expect(settings.public).toEqual({
      scheme: 'http',
      appHost: 'localhost:8080',
      appHostname: 'localhost',
      port: 8080,
      previewDomain: 'preview.localhost',
    });
    expect(settings.tls).toBeNull();
    expect(settings.databaseUrl).toBeUndefined();
    expect(settings.dataDir).toBe('.culvert');
    expect(settings.limits).toMatchObject({ managerWaitMs: 10_000, maxHeaderBytes: 65_536, maxBodyBytes: 0 });
    expect(settings.limits.http2).toEqual({
      maxStreams: 128,
      maxResets: 500,
      maxControlFrames: 1000,
      windowBytes: 262_144,
    });
    expect(settings.shutdownGraceMs).toBe(30_000);
    expect(settings.lameDuckMs).toBe(0);
  });

  it('treats an empty value as absent', () => {
    const empty = Object.fromEntries(
      ['PORT', 'TLS_CERT_FILE', 'TLS_KEY_FILE', 'DATABASE_URL'].map((name) => [name, '']),
    );
    expect(loadSettings('standalone', empty)).toEqual(loadSettings('standalone', {}));
    expect(problemsOf({ ...SPLIT, REDIS_URL: '' }, 'api').map(({ variable }) => variable)).toEqual([
      'REDIS_URL',
    ]);
  });

  it('reads sign-in providers and the memberships they grant', () => {
    const { signIn } = loadSettings('standalone', {
      OIDC_ISSUER: 'https://id.example.com/realms/shop/',
      OIDC_CLIENT_ID: 'culvert',
      GITHUB_CLIENT_ID: 'a',
      GITHUB_CLIENT_SECRET: 'b',
      SIGN_IN_TEAMS: 'group:Platform=first:admin, domain:Example.com=first:member,org:Acme=first:owner',
    });
    expect(signIn.oidc).toMatchObject({
      issuer: 'https://id.example.com/realms/shop/',
      clientSecret: undefined,
      name: 'id.example.com',
      scope: 'openid email profile',
      trustEmail: false,
    });
    expect(signIn.github).toMatchObject({ url: 'https://github.com', apiUrl: 'https://api.github.com' });
    expect(signIn.teams).toEqual([
      { kind: 'group', value: 'Platform', team: 'first', role: 'admin' },
      { kind: 'domain', value: 'example.com', team: 'first', role: 'member' },
      { kind: 'org', value: 'acme', team: 'first', role: 'owner' },
    ]);
    expect(loadSettings('standalone', {}).signIn).toEqual({
      oidc: null,
      github: null,
      teams: [],
      internalIssuers: [],
      teamCreation: 'everyone',
    });
  });

  it.each([
    [{ OIDC_ISSUER: 'https://id.example.com' }, 'OIDC_CLIENT_ID'],
    [{ OIDC_CLIENT_ID: 'culvert' }, 'OIDC_ISSUER'],
    [{ OIDC_ISSUER: 'http://id.example.com', OIDC_CLIENT_ID: 'culvert' }, 'OIDC_ISSUER'],
    [{ GITHUB_CLIENT_ID: 'a' }, 'GITHUB_CLIENT_SECRET'],
    [{ PULL_REQUEST_GITEA_TOKEN: 'a' }, 'PULL_REQUEST_GITEA_API_URL'],
    [{ GITHUB_CLIENT_SECRET: 'a' }, 'GITHUB_CLIENT_ID'],
    [{ GITHUB_API_URL: 'http://127.0.0.1.example.com' }, 'GITHUB_API_URL'],
    [{ OIDC_SCOPE: 'email profile' }, 'OIDC_SCOPE'],
    [{ SIGN_IN_TEAMS: 'group:platform' }, 'SIGN_IN_TEAMS'],
    [{ TEAM_CREATION: 'nobody' }, 'TEAM_CREATION'],
    [{ SIGN_IN_TEAMS: 'group:platform=first:root' }, 'SIGN_IN_TEAMS'],
    [{ SMTP_URL: 'https://mail.example.com' }, 'SMTP_URL'],
    [{ MAIL_FROM: 'nobody' }, 'MAIL_FROM'],
  ] as [Record<string, string>, string][])('refuses the incomplete or wrong settings %o', (env, variable) => {
    expect(problemsOf(env).map((problem) => problem.variable)).toContain(variable);
  });

  it.each(['edge', 'api'] as const)('needs a shared database and event bus for %s', (app) => {
    expect(problemsOf({}, app).map(({ variable }) => variable)).toEqual(['DATABASE_URL', 'REDIS_URL']);
    expect(loadSettings(app, SPLIT).listen.adminPort).toBe(9090);
  });

  it.each(['edge', 'api'] as const)(
    'lets a stopping %s continue to serve until load balancers notice',
    (app) => {
      expect(loadSettings(app, SPLIT).lameDuckMs).toBe(5000);
      expect(loadSettings(app, { ...SPLIT, LAME_DUCK_MS: '0' }).lameDuckMs).toBe(0);
    },
  );

  it('lists every problem at once, with the expected and the actual value', () => {
    const problems = problemsOf({ PORT: 'http', LOG_LEVEL: 'loud', MANAGER_WAIT_MS: '-1' });
    expect(problems).toEqual([
      { variable: 'PORT', expected: 'a port from 0 to 65535', got: 'http' },
      {
        variable: 'LOG_LEVEL',
        expected: 'one of fatal, error, warn, info, debug, trace, silent',
        got: 'loud',
      },
      { variable: 'MANAGER_WAIT_MS', expected: 'a number of milliseconds from 0 to 86400000', got: '-1' },
    ]);
    expect(new ConfigurationError(problems).message).toContain(
      'PORT must be a port from 0 to 65535; it is "http"',
    );
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['PORT', ' 80'],
    ['HOST', 'no spaces allowed'],
    ['APP_HOST', 'http://culvert.example.com'],
    ['APP_HOST', 'culvert.example.com:0'],
    ['APP_HOST', 'culvert.example.com:65536'],
    ['APP_HOST', '-x.example.com'],
    ['APP_HOST', '[::1'],
    ['PREVIEW_DOMAIN', 'preview_domain'],
    ['PREVIEW_DOMAIN', '10.0.0.1'],
    ['PREVIEW_DOMAIN', `${'a.'.repeat(100)}example`],
    ['PUBLIC_SCHEME', 'ftp'],
    ['API_UPSTREAM_URL', 'api:8081'],
    ['API_UPSTREAM_URL', 'http://api:8081,'],
    ['API_UPSTREAM_URL', 'http://api:8081,https://api:8082'],
    ['API_UPSTREAM_URL', Array(17).fill('http://api:8081').join()],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['TRUSTED_PROXIES', '::1/129'],
    ['TRUSTED_PROXIES', 'loopback'],
    ['CULVERT_BOOTSTRAP_EMAIL', 'not an address'],
    ['MAX_HEADER_BYTES', '10'],
    ['MAX_STREAMS_PER_TUNNEL', '0'],
    ['HEAD_TIMEOUT_MS', '99999999999999999999'],
  ])('refuses %s=%s and shows it', (variable, value) => {
    expect(problemsOf({ [variable]: value })).toMatchObject([{ variable, got: value }]);
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['REDIS_URL', 'hunter2'],
    ['CULVERT_BOOTSTRAP_API_KEY', 'hunter2'],
    ['CULVERT_BOOTSTRAP_API_KEY', `hunter2 with spaces`],
    ['CULVERT_BOOTSTRAP_API_KEY', `hunter2${'x'.repeat(512)}`],
    ['CULVERT_BOOTSTRAP_PASSWORD', 'hunter2'],
  ])('refuses %s without showing what may be a secret', (variable, value) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems.map((problem) => problem.variable)).toEqual([variable]);
    expect(JSON.stringify(problems) + new ConfigurationError(problems).message).not.toContain('hunter2');
  });

  it('refuses an app host in the preview domain, where a preview could take its place', () => {
    expect(
      problemsOf({ APP_HOST: 'app.preview.example.com', PREVIEW_DOMAIN: 'preview.example.com' }),
    ).toMatchObject([{ variable: 'PREVIEW_DOMAIN' }]);
    expect(
      problemsOf({ APP_HOST: 'Preview.Example.com:8443', PREVIEW_DOMAIN: 'preview.example.com' }),
    ).toHaveLength(1);
    expect(problemsOf({ APP_HOST: 'example.com', PREVIEW_DOMAIN: 'preview.example.com' })).toEqual([]);
  });

  it('refuses the same port for the public and the administration', () => {
    expect(problemsOf({ ...SPLIT, PORT: '9090' }, 'edge')).toMatchObject([{ variable: 'ADMIN_PORT' }]);
    expect(loadSettings('edge', { ...SPLIT, PORT: '0', ADMIN_PORT: '0' }).listen).toMatchObject({
      port: 0,
      adminPort: 0,
    });
  });

  it('redirects to https only where there is https, and at a port of its own', () => {
    const tls = { PUBLIC_SCHEME: 'https', PORT: '8443' };
    expect(loadSettings('standalone', { ...tls, HTTP_REDIRECT_PORT: '80' }).httpRedirectPort).toBe(80);
    for (const env of [{ HTTP_REDIRECT_PORT: '80' }, { ...tls, HTTP_REDIRECT_PORT: '8443' }])
      expect(problemsOf(env)).toMatchObject([{ variable: 'HTTP_REDIRECT_PORT' }]);
  });

  it('gives metrics a port of their own on this machine alone, unless an address is set', () => {
    const metricsOf = (env: Record<string, string>) => loadSettings('standalone', env).listen.metrics;
    expect(metricsOf({ METRICS_PORT: '9464' })).toEqual({ port: 9464, host: '127.0.0.1' });
    expect(metricsOf({ METRICS_PORT: '9464', METRICS_ADDRESS: '::' })).toEqual({ port: 9464, host: '::' });
    const wrong: Record<string, string>[] = [
      { METRICS_PORT: '8080' },
      { METRICS_ADDRESS: '::' },
      { METRICS_PORT: '9', ADMIN_PORT: '9' },
    ];
    for (const env of wrong) expect(problemsOf(env)).toMatchObject([{ variable: 'METRICS_PORT' }]);
  });

  it('reads every variable', () => {
    const settings = loadSettings('edge', {
      ...SPLIT,
      HOST: '::1',
      DATA_DIR: '/var/lib/culvert',
      API_UPSTREAM_URL: 'http://api:8081, http://api-2:8081',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      CULVERT_BOOTSTRAP_API_KEY: 'local-development-key',
      CULVERT_BOOTSTRAP_EMAIL: 'Ann@Example.com',
      CULVERT_BOOTSTRAP_PASSWORD: 'correct horse',
      MAX_BODY_BYTES: '10995116277760',
      MAX_REQUESTS_PER_PREVIEW: '7',
    });
    expect(settings).toMatchObject({
      app: 'edge',
      listen: { host: '::1' },
      databaseUrl: SPLIT.DATABASE_URL,
      redisUrl: SPLIT.REDIS_URL,
      dataDir: '/var/lib/culvert',
      apiUpstreamUrls: ['http://api:8081', 'http://api-2:8081'],
      trustedProxies: ['10.0.0.0/8', '::1'],
      bootstrap: { apiKey: 'local-development-key', email: 'ann@example.com', password: 'correct horse' },
      limits: { maxBodyBytes: 10_995_116_277_760, maxRequestsPerPreview: 7 },
    });
  });
});

describe('public URLs', () => {
  it.each([
    [{}, 'http://localhost:8080', 'http://x.preview.localhost:8080'],
    [{ PORT: '3000' }, 'http://localhost:3000', 'http://x.preview.localhost:3000'],
    [{ PORT: '80' }, 'http://localhost', 'http://x.preview.localhost'],
    [{ APP_HOST: 'Culvert.example.com' }, 'http://culvert.example.com', 'http://x.preview.localhost'],
    [
      { APP_HOST: 'culvert.example.com', PUBLIC_SCHEME: 'https' },
      'https://culvert.example.com',
      'https://x.preview.localhost',
    ],
    [
      { APP_HOST: 'culvert.example.com:443', PUBLIC_SCHEME: 'https' },
      'https://culvert.example.com',
      'https://x.preview.localhost',
    ],
    [
      { APP_HOST: 'localhost:8443', PUBLIC_SCHEME: 'https' },
      'https://localhost:8443',
      'https://x.preview.localhost:8443',
    ],
    [{ APP_HOST: '[::1]:8080' }, 'http://[::1]:8080', 'http://x.preview.localhost:8080'],
  ])('have the right scheme, host and port for %j', (env, app, preview) => {
    const settings = loadSettings('standalone', env);
    expect(appUrl(settings)).toBe(app);
    expect(previewUrl(settings, 'x.preview.localhost')).toBe(preview);
  });
});

describe('TLS files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'culvert-settings-'));
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  afterAll(() => rmSync(directory, { recursive: true }));

  it('must come in a pair', () => {
    const path = file('one.pem', 'x');
    expect(problemsOf({ TLS_CERT_FILE: path })).toMatchObject([{ variable: 'TLS_KEY_FILE' }]);
    expect(problemsOf({ TLS_KEY_FILE: path })).toMatchObject([{ variable: 'TLS_CERT_FILE' }]);
  });

  it('must be readable', () => {
    const missing = join(directory, 'missing.pem');
    expect(problemsOf({ TLS_CERT_FILE: missing, TLS_KEY_FILE: missing })).toEqual([
      { variable: 'TLS_CERT_FILE', expected: 'the path of a readable PEM file', got: missing },
      { variable: 'TLS_KEY_FILE', expected: 'the path of a readable PEM file', got: missing },
    ]);
  });

  it('must hold a certificate and its key', () => {
    const cert = file('cert.pem', CERTIFICATE);
    const key = file('key.pem', KEY);
    const settings = loadSettings('standalone', { TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
    expect(settings.tls).toEqual({ certFile: cert, keyFile: key });
    expect(appUrl(settings)).toBe('https://localhost:8080');
    expect(problemsOf({ TLS_CERT_FILE: cert, TLS_KEY_FILE: cert })).toMatchObject([
      { variable: 'TLS_CERT_FILE' },
    ]);
    expect(problemsOf({ TLS_CERT_FILE: cert, TLS_KEY_FILE: file('other.pem', OTHER_KEY) })).toHaveLength(1);
  });
});
