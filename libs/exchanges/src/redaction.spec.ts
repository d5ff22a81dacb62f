import { gzipSync } from 'node:zlib';
import type { CapturedBody, Exchange, ExchangeMessage } from '@culvert/contract';
import { NEVER_KEPT_FIELDS } from '@culvert/domain';
import { describe, expect, it } from 'vitest';
import { Redaction } from './redaction.js';

const field = (name: string, value: string) => ({ name, value, isMasked: false });
const EXCHANGE = {
  id: 'x',
  target: '/search?q=shoes&Pin=1234&user[pin]=5#pin=6',
  request: {
    fields: [
      field('Host', 'a'),
      field('Cookie', 'a=b'),
      field('AUTHORIZATION', 'Basic x'),
      field('X-Pin', '7'),
      field('Referer', 'https://a/?pin=8'),
    ],
    isTruncated: false,
  },
  response: { fields: [field('set-cookie', 'a=b'), field('location', '/?a=1&pin=9')], isTruncated: false },
  changes: [
    { message: 'request', ...field('cookie', 'c=d') },
    { message: 'response', name: 'pin', value: null, isMasked: false },
  ],
  addedLater: { by: 'another version' },
} as unknown as Exchange;

function body(
  content: string | Buffer,
  contentType: string | null,
  change: Partial<CapturedBody> = {},
): CapturedBody {
  const bytes = Buffer.from(content);
  return {
    base64: bytes.toString('base64'),
    bytes: bytes.length,
    isTruncated: false,
    contentType,
    contentEncoding: null,
    ...change,
  };
}

const UNLIMITED = { hasRoom: true, spend: () => {} };

describe(Redaction.name, () => {
  const redaction = new Redaction(['pin', 'x-pin'], NEVER_KEPT_FIELDS, UNLIMITED);
  const redact = (given: CapturedBody) =>
    redaction.bodies({ id: 'x', request: given, response: null }).request!;
  const textOf = ({ base64 }: CapturedBody) => Buffer.from(base64, 'base64').toString();

  it('removes the values of fields and parameters with these names, wherever they are in a head', () => {
    const { target, request, response, changes, ...rest } = redaction.exchange(EXCHANGE);
    expect(target).toBe('/search?q=shoes&Pin=***&user[pin]=***#pin=***');
    expect(request.fields.map(({ value }) => value)).toEqual([
      'a',
      '***',
      '***',
      '***',
      'https://a/?pin=***',
    ]);
    expect(request.fields.map(({ isMasked }) => isMasked)).toEqual([false, true, true, true, true]);
    expect(response?.fields.map(({ value }) => value)).toEqual(['***', '/?a=1&pin=***']);
    expect(changes.map(({ value }) => value)).toEqual(['***', null]);
    expect(rest).toMatchObject({ addedLater: { by: 'another version' } });
  });

  it('never keeps credentials of HTTP, even if the team names none', () => {
    const text = JSON.stringify(new Redaction([], NEVER_KEPT_FIELDS, UNLIMITED).exchange(EXCHANGE));
    expect(text).not.toMatch(/a=b|c=d|Basic x/);
    expect(text).toContain('1234');
  });

  it.each([
    [
      '{"a":{"b":[{"PIN":1234}]},"pin":{"deep":"1234"},"n":1}',
      'application/json; charset=utf-8',
      '{"a":{"b":[{"PIN":"***"}]},"pin":"***","n":1}',
    ],
    ['{"__proto__":{"pin":"1234"}}', 'application/vnd.api+json', '{"__proto__":{"pin":"***"}}'],
    ['{"pin":1}', 'text/plain', '{"pin":"***"}'],
    [' [{"pin":1}]', null, '[{"pin":"***"}]'],
    ['{"pin":1}', 'text/html; charset=utf-8', '{"pin":"***"}'],
    ['{"csp-report":{"pin":1}}', 'application/csp-report', '{"csp-report":{"pin":"***"}}'],
    ['a=1&pin=1234&user%5Bpin%5D=1234', 'application/x-www-form-urlencoded', 'a=1&pin=***&user%5Bpin%5D=***'],
  ])('removes values from the body %s', (content, type, expected) => {
    for (const given of [body(content, type), body(gzipSync(content), type, { contentEncoding: 'gzip' })]) {
      const redacted = redact(given);
      expect(textOf(redacted)).toBe(expected);
      expect(redacted).toMatchObject({ isMasked: true, contentEncoding: null, bytes: given.bytes });
    }
  });

  it.each([
    ['{"a": 12345678901234567890}', 'application/json'],
    ['<p>pin: 1234', 'text/html'],
    ['{}', 'text/plain'],
    ['p { color: red }', 'text/css'],
    ['\0pin: 1234', 'image/png'],
    ['', null],
  ])('leaves the body %s as it is', (content, type) => {
    const given = body(content, type);
    expect(redact(given)).toEqual(given);
  });

  it.each([
    ['is cut', body('{"pin":"12', 'application/json', { isTruncated: true })],
    ['is not JSON', body('{"pin":"1234"', 'application/json')],
    ['is nested too deeply', body('['.repeat(30_000) + '{"pin":1}' + ']'.repeat(30_000), 'application/json')],
    ['has an unknown coding', body('{"pin":1}', 'application/json', { contentEncoding: 'zstd' })],
    ['has parts', body('--x\r\n\r\npin', 'multipart/form-data; boundary=x')],
    ['is text', body('pin: 1234', 'text/plain')],
    ['has no type', body('pin=1234', null)],
    ['has several pieces of JSON', body('{"pin":1}\n{"pin":2}', 'application/x-ndjson')],
    ['is a stream of events', body('data: {"pin":1}\n\n', 'text/event-stream')],
    ['is a stream of events as a page', body('data: {"pin":1}\n\n', 'text/html')],
    ['is too large', body('[' + '{},'.repeat(90_000) + '{}]', 'application/json')],
    ['would be too large', body('pin=&'.repeat(50_000), 'application/x-www-form-urlencoded')],
    ['is an image of XML', body('<pin>1234</pin>', 'image/svg+xml')],
    ['is XML', body('<pin>1234</pin>', 'application/soap+xml')],
  ])('leaves out a body that %s', (_what, given) => {
    expect(redact(given)).toMatchObject({
      base64: '',
      isTruncated: true,
      isMasked: true,
      bytes: given.bytes,
    });
  });

  it('removes values from messages that are JSON, and the content of all others', () => {
    const messages = [
      { text: '{"pin":1}', base64: null, isTruncated: false },
      { text: 'pin=1', base64: null, isTruncated: false },
      { text: '{"pin":1', base64: null, isTruncated: true },
      { text: null, base64: 'AAEC', isTruncated: false },
      { text: null, base64: null, isTruncated: false },
    ] as unknown as ExchangeMessage[];
    const redacted = redaction.bodies({ id: 'x', request: null, response: null, messages });
    expect(redacted.messages?.map(({ text, base64 }) => text ?? base64)).toEqual([
      '{"pin":"***"}',
      null,
      null,
      null,
      null,
    ]);
  });

  it('leaves bodies as they are if the team names nothing', () => {
    const given = body('{"pin":"12', 'application/json', { isTruncated: true });
    expect(
      new Redaction([], NEVER_KEPT_FIELDS, UNLIMITED).bodies({ id: 'x', request: given, response: null })
        .request,
    ).toBe(given);
  });

  const inflated = (unit: string, count: number, [start, end] = ['', '']) =>
    gzipSync(`${start}${unit.repeat(count)}${end}`);
  const [json, form] = ['application/json', 'application/x-www-form-urlencoded'];
  it.each([
    ['many objects', inflated('{},', 5_500_000, ['[', '{}]']), json],
    ['a million members', inflated('{"pin":1},', 1_000_000, ['[', '{}]']), json],
    ['more members than that', inflated('{"pin":1},', 1_600_000, ['[', '{}]']), json],
    ['many parameters', inflated('a=1&', 4_000_000), form],
  ])('does not unpack a small body with %s', (_what, bytes, type) => {
    expect(bytes.length).toBeLessThan(64 * 1024);
    const startedAt = performance.now();
    const redacted = redact(body(bytes, type, { contentEncoding: 'gzip' }));
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(redacted).toMatchObject({ base64: '', isMasked: true });
  });

  it('leaves out bodies and messages beyond the budget, and spends what it decodes', () => {
    const spent: number[] = [];
    const budget = { hasRoom: true, spend: (bytes: number) => void spent.push(bytes) };
    const limited = new Redaction(['pin'], NEVER_KEPT_FIELDS, budget);
    const content = '{"pin":1}'.padEnd(1000);
    const given = body(gzipSync(content), json, { contentEncoding: 'gzip' });
    const messages = [{ text: '{}', base64: null, isTruncated: false }] as unknown as ExchangeMessage[];
    const redactAll = () => limited.bodies({ id: 'x', request: given, response: null, messages });
    expect(textOf(redactAll().request!)).toBe('{"pin":"***"}');
    expect(spent).toEqual([1000, 2]);
    budget.hasRoom = false;
    expect(redactAll()).toMatchObject({ request: { base64: '' }, messages: [{ text: null }] });
    expect(spent).toHaveLength(2);
  });

  it('takes linear time for hostile text', () => {
    const hostile = `/?${'a'.repeat(300)}`.repeat(300) + '='.repeat(50_000);
    const startedAt = performance.now();
    redaction.exchange({ ...EXCHANGE, target: hostile });
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
