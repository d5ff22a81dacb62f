import { describe, expect, it } from 'vitest';
import { createLog, NestLog } from './logger.js';
import { redactLine } from './redact.js';

const SECRET = 'cvt_0123456789abcdefABCDEF0123456789abcdef';

function capture(level: 'info' | 'trace' = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, app: 'api', destination: { write: (line) => void lines.push(line) } });
  return { log, nest: new NestLog(log), lines, entries: () => lines.map((line) => JSON.parse(line)) };
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
    ['an authorization header', { headers: { authorization: `Bearer ${SECRET}` } }],
    ['a header of Telepresence', { req: { headers: { 'x-ambassador-api-key': 'hunter2"quoted"' } } }],
    [
      'cookies',
      { a: { b: { c: { Cookie: 'hunter2', 'set-cookie': ['s=hunter2; Path=/', 't="hunter2"'] } } } },
    ],
    ['named fields', { apiKey: 'hunter2', 'api-key': 'hunter2', password: 'hunter2', secret: 'hunter2' }],
    ['a key inside a text', { msg2: `key ${SECRET} is unknown` }],
    ['a bearer token inside a text', { note: 'Authorization: bearer hunter2.x/y=' }],
    ['a database URL', { url: 'postgresql://culvert:hunter2@db:5432/culvert' }],
    ['an error', { err: new Error(`cannot use ${SECRET} at redis://:hunter2@redis`) }],
  ])('does not contain the secret of %s', (_name, fields) => {
    const { log, lines, entries } = capture();
    log.warn(fields, 'something happened');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).toContain('[redacted]');
    expect(entries()).toHaveLength(1);
  });

  it('does not contain a secret that is in the message or bound to a child', () => {
    const { log, lines } = capture();
    log.child({ headers: { cookie: 'hunter2' } }).info(`called with ${SECRET}`);
    expect(lines.join('')).not.toMatch(/hunter2|cvt_0/);
  });

  it('leaves everything else alone', () => {
    const line =
      '{"msg":"bearer of news","url":"http://app:8080/a:b@c","apiKeyId":"k1","path":"/api/v1/api-keys"}\n';
    expect(redactLine(line)).toBe(line.replace('bearer of', 'bearer [redacted]'));
  });

  it('takes long hostile lines in linear time', () => {
    const line = JSON.stringify({
      cookie: '\\"'.repeat(100_000),
      url: '://'.repeat(100_000),
      x: 'Bearer '.repeat(50_000),
    });
    const start = performance.now();
    JSON.parse(redactLine(line));
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('the logger of Nest', () => {
  it('keeps the context', () => {
    const { nest, entries } = capture();
    nest.log('started', 'NestFactory');
    expect(entries()).toMatchObject([{ level: 'info', msg: 'started', context: 'NestFactory' }]);
  });

  it('keeps objects as fields and errors with their stack', () => {
    const { nest, entries } = capture();
    nest.warn({ tunnelId: 't1', msg: 'slow' }, 'Edge');
    nest.error(new Error('broken'), 'Edge');
    nest.error('broken', 'Error: broken\n at x', 'Edge');
    expect(entries()).toMatchObject([
      { level: 'warn', tunnelId: 't1', msg: 'slow', context: 'Edge' },
      {
        level: 'error',
        err: { message: 'broken', stack: expect.stringContaining('logger.spec') },
        context: 'Edge',
      },
      { level: 'error', msg: 'broken', stack: 'Error: broken\n at x', context: 'Edge' },
    ]);
  });

  it('maps every level of Nest', () => {
    const { nest, entries } = capture('trace');
    nest.fatal('a');
    nest.debug('b');
    nest.verbose('c');
    expect(entries().map(({ level }) => level)).toEqual(['fatal', 'debug', 'trace']);
  });

  it('writes nothing below its level', () => {
    const { nest, lines } = capture('info');
    nest.debug('b');
    expect(lines).toEqual([]);
  });
});
