import {
  type CreateReplayRequest,
  type Exchange,
  type ExchangeBodies,
  ProblemError,
} from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { composeReplay, needsExchange } from './replay-request.js';

const plain = (name: string, value: string) => ({ name, value, isMasked: false });
const EXCHANGE = {
  id: 'e1',
  method: 'POST',
  target: '/basket?all=yes',
  upgrade: null,
  request: { fields: [plain('x-dev', 'ann'), plain('content-length', '2')], isTruncated: false },
} as unknown as Exchange;
const BODIES: ExchangeBodies = {
  id: 'e1',
  request: {
    base64: 'AP8=',
    bytes: 2,
    isTruncated: false,
    contentType: null,
    contentEncoding: null,
  },
  response: null,
};

function compose(
  request: CreateReplayRequest,
  exchange: Partial<Exchange> = {},
  bodies: ExchangeBodies | null = BODIES,
) {
  return composeReplay(request, { exchange: { ...EXCHANGE, ...exchange }, bodies });
}

function codeOf(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof ProblemError) return error.code;
    throw error;
  }
}

const REPEAT = { exchangeId: 'e1' };
const withFields = (...fields: Exchange['request']['fields']) => ({
  request: { fields, isTruncated: false },
});

describe('the request of a replay', () => {
  it('is that of the exchange, byte for byte', () => {
    expect(compose(REPEAT)).toEqual({
      method: 'POST',
      target: '/basket?all=yes',
      fields: [
        ['x-dev', 'ann'],
        ['content-length', '2'],
      ],
      body: Buffer.from([0, 255]),
    });
  });

  it('replaces each part that is given', () => {
    const headers = [{ name: 'authorization', value: 'Basic YTpi' }];
    expect(compose({ ...REPEAT, method: 'PUT', target: '/x', headers, body: { text: 'é' } })).toEqual({
      method: 'PUT',
      target: '/x',
      fields: [['authorization', 'Basic YTpi']],
      body: Buffer.from('é'),
    });
    expect(compose({ ...REPEAT, body: { text: '' } }).body).toHaveLength(0);
    expect(compose({ ...REPEAT, body: { base64: 'AQ==' } }).body).toEqual(Buffer.from([1]));
  });

  it('has no field whose value was masked', () => {
    const cookie = { name: 'Cookie', value: 'a=***', isMasked: true };
    expect(compose(REPEAT, withFields(cookie, plain('a', 'b')), BODIES).fields).toEqual([['a', 'b']]);
  });

  it('can be written without an exchange', () => {
    expect(composeReplay({ method: 'GET', target: '/' }, null)).toEqual({
      method: 'GET',
      target: '/',
      fields: [],
      body: Buffer.alloc(0),
    });
  });

  it.each<[string, () => unknown]>([
    ['a WebSocket', () => compose(REPEAT, { upgrade: 'websocket' })],
    ['a secret in its path', () => compose(REPEAT, { target: '/a?token=***' })],
    ['a path that was cut off', () => compose(REPEAT, { target: '/aaa…' })],
    ['heads that were left out', () => compose(REPEAT, { request: { fields: [], isTruncated: true } })],
    ['a body that was not captured', () => compose(REPEAT, {}, null)],
    [
      'a body in chunks that was not captured',
      () => compose(REPEAT, withFields(plain('Transfer-Encoding', 'chunked')), null),
    ],
    [
      'a body of which the end is missing',
      () => compose(REPEAT, {}, { ...BODIES, request: { ...BODIES.request!, isTruncated: true } }),
    ],
  ])('is refused for %s', (_what, act) => {
    expect(codeOf(act)).toBe('exchange_not_repeatable');
  });

  it('is accepted if the missing parts are given', () => {
    const whole = { ...REPEAT, method: 'POST', target: '/a', headers: [], body: { text: 'x' } };
    const left = { target: '/a?token=***', request: { fields: [], isTruncated: true } };
    expect(codeOf(() => compose(whole, left, null))).toBeNull();
    expect(compose(REPEAT, withFields(plain('content-length', '0')), null).body).toHaveLength(0);
    expect([needsExchange(whole), needsExchange(REPEAT)]).toEqual([false, true]);
    expect(needsExchange({ method: 'GET', target: '/' })).toBe(false);
  });
});
