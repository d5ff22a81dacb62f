import { SECRET_PREFIXES } from '@culvert/domain';
import { describe, expect, it } from 'vitest';
import { createLog } from './log.js';
import { HANDED_ON, redactLine } from './redact.js';

const KEY = 'cvt_0123456789abcdefABCDEF0123456789abcdef';

function capture() {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    app: 'api',
    destination: { write: (line) => void lines.push(line) },
  });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('writes one JSON object a line with a named level, the time and the app', () => {
    const { log, lines, entries } = capture();
    log.info({ previewId: 'p1' }, 'preview\ncreated');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(entries()[0]).toMatchObject({
      level: 'info',
      app: 'api',
      previewId: 'p1',
      msg: 'preview\ncreated',
    });
    expect(Date.parse(entries()[0].time)).not.toBeNaN();
  });

  it.each([
    ['an authorization header', { headers: { authorization: 'Bearer hunter2' } }],
    ['a header of Telepresence', { req: { headers: { 'x-ambassador-api-key': 'hunter2"quoted"' } } }],
    [
      'the command of an error of ioredis',
      {
        err: Object.assign(new Error('WRONGPASS'), {
          command: { name: 'hello', args: ['3', 'AUTH', 'x', 'hunter2'] },
        }),
      },
    ],
    ['the command of a cause', { err: { lastNodeError: { command: { name: 'auth', args: ['hunter2'] } } } }],
    ['a header of ours', { headers: { 'x-culvert-api-key': 'hunter2' } }],
    [
      'cookies',
      { a: { b: { c: { Cookie: 'hunter2', 'set-cookie': ['s=hunter2; Path=/', 't="hunter2"'] } } } },
    ],
    ['parsed cookies', { cookies: { sid: 'hunter2' } }],
    ['raw headers', { rawHeaders: ['Cookie: sid=hunter2', 'X-Api-Key: hunter2'] }],
    ['named fields', { apiKey: 'hunter2', 'api-key': 'hunter2', password: 'hunter2', secret: 'hunter2' }],
    [
      'fields with longer names',
      { clientSecret: 'hunter2', access_token: 'hunter2', newPassword: 'hunter2' },
    ],
    ['variables', { env: { CULVERT_CLUSTER_SECRET: 'hunter2', PULL_REQUEST_GITHUB_TOKEN: 'hunter2' } }],
    ['a number', { password: 'hunter2'.length, token: ['hunter2'] }],
    ['a key inside a text', { msg2: `key ${KEY} is unknown` }],
    ['a bearer token inside a text', { note: 'Authorization: bearer hunter2.x/y=' }],
    ['a header inside a text', { note: 'sent Cookie: a=1; sid=hunter2' }],
    ['a query', { url: '/auth/callback?code=1&access_token=hunter2&state=x' }],
    ['JSON inside a text', { note: 'the body was {"user":"jo","password":"hunter2"} and more' }],
    ['JSON as a text', { body: '{"user":"jo","clientSecret":"hunter2","cookies":["hunter2"]}' }],
    ['JSON inside JSON', { body: JSON.stringify({ raw: JSON.stringify({ password: 'hu"nter2 hunter2' }) }) }],
    ['a database URL', { url: 'postgresql://culvert:hunter2@db:5432/culvert' }],
    ['a URL whose password has separators', { url: 'postgresql://culvert:hunter2/@#?:"hunter2@db/culvert' }],
    ['a URL with a token as its user', { url: 'https://hunter2hunter2hunter2@git.example.com/x.git' }],
    ['a token of GitHub', { note: 'refused ghp_hunter2hunter2' }],
    ['a token of GitLab', { note: 'refused glpat-hunter2hunter2' }],
    ['a token of Bitbucket', { note: 'refused ATCTT3xFhunter2hunter2' }],
    ['a JWT', { note: `eyJhbGciOiJub25lIn0.${Buffer.from('hunter2').toString('base64url')}.hunter2` }],
    ['a private key', { pem: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----' }],
    ['an error', { err: new Error(`cannot use ${KEY} at redis://:hunter2@redis`) }],
  ])('does not contain the secret of %s', (_name, fields) => {
    const { log, lines, entries } = capture();
    log.warn(fields, 'something happened');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).not.toContain(KEY);
    expect(lines.join('')).toContain('[redacted]');
    expect(entries()).toHaveLength(1);
    expect(entries()[0].msg).toBe('something happened');
  });

  it.each(Object.entries(SECRET_PREFIXES))(
    'keeps only the beginning of a secret of kind %s',
    (_kind, prefix) => {
      const { log, entries } = capture();
      log.info(`called with ${prefix}0123456789abcdefABCDEF-_x`);
      expect(entries()[0].msg).toBe(`called with ${prefix}[redacted]`);
    },
  );

  it('does not contain a secret that is bound to a child', () => {
    const { log, lines } = capture();
    log.child({ headers: { cookie: 'hunter2' } }).info(`called with ${KEY}`);
    expect(lines.join('')).not.toMatch(/hunter2|cvt_0/);
  });

  it('leaves everything else unchanged', () => {
    const line = `${JSON.stringify({
      msg: 'bearer of news, and the API key: check CULVERT_API_KEY',
      url: 'http://app:8080/a:b@c',
      apiKeyId: 'k1',
      tokenCount: 3,
      secret: null,
      hasCookie: true,
      path: '/api/v1/api-keys',
      address: 'postgresql://culvert@db/culvert',
    })}\n`;
    expect(redactLine(line)).toBe(line);
  });

  /** Without SMTP this link is the only way to a new password; it was redacted because of its token. */
  it('keeps the link for the operator to pass on, but no other field of that name', () => {
    const link = 'https://culvert.test/reset-password?token=abcdefghijkl';
    const entry = { msg: 'hand this link on', [HANDED_ON]: link, other: { [HANDED_ON]: link }, link };
    const hidden = 'https://culvert.test/reset-password?token=[redacted]';
    expect(JSON.parse(redactLine(JSON.stringify(entry)))).toEqual({
      msg: 'hand this link on',
      [HANDED_ON]: link,
      other: { [HANDED_ON]: hidden },
      link: hidden,
    });
  });

  it('redacts long hostile lines in linear time', () => {
    const line = JSON.stringify({
      // First, so that the pattern that detects suspicious lines sees all of it.
      url: '://'.repeat(100_000),
      quotes: '\\"'.repeat(100_000),
      user: '://x'.repeat(100_000),
      x: 'Bearer '.repeat(50_000),
      y: '\\'.repeat(200_000),
      z: '"token'.repeat(50_000),
      w: 'token='.repeat(50_000),
      v: 'cookie: '.repeat(50_000),
      u: 'eyJ'.repeat(100_000),
      t: '-----BEGIN PRIVATE KEY-----'.repeat(10_000),
      s: '"token":"'.repeat(50_000),
    });
    const start = performance.now();
    JSON.parse(redactLine(line));
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('redacts a line that is not valid JSON, and writes JSON', () => {
    expect(JSON.parse(redactLine('{"password": hunter2x token=hunter2\n'))).toEqual({
      msg: '{"password": hunter2x token=[redacted]',
    });
  });
});
