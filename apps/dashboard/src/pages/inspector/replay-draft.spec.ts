import { describe, expect, it } from 'vitest';
import type { Exchange, ExchangeBodies } from '../../api/exchanges.js';
import { draftOf, isSafe, requestOf, sentBody } from './replay-draft.js';

const field = (name: string, value: string, isMasked = false) => ({ name, value, isMasked });

function exchange(change: Partial<Exchange> = {}): Exchange {
  return {
    id: 'e1',
    method: 'POST',
    target: '/basket',
    request: {
      fields: [field('Host', 'x'), field('x-dev', 'ann'), field('Cookie', '***', true)],
      isTruncated: false,
    },
    ...change,
  } as Exchange;
}

function bodies(bytes: Uint8Array, change: object = {}): ExchangeBodies {
  const base64 = Buffer.from(bytes).toString('base64');
  const request = {
    base64,
    bytes: bytes.length,
    isTruncated: false,
    contentType: null,
    contentEncoding: null,
  };
  return { id: 'e1', request: { ...request, ...change }, response: null };
}

describe('the draft of a replay', () => {
  it('contains the request without added and secret fields, and names the secret ones', () => {
    expect(draftOf(exchange(), bodies(Buffer.from('{"é":1}')))).toEqual({
      draft: { method: 'POST', target: '/basket', headers: 'x-dev: ann', body: '{"é":1}' },
      notes: { masked: ['Cookie'], body: 'whole' },
    });
  });

  it.each<[string, Exchange, ExchangeBodies | undefined, string]>([
    ['is not text', exchange(), bodies(Buffer.from([255])), 'binary'],
    ['is compressed', exchange(), bodies(Buffer.from('x'), { contentEncoding: 'gzip' }), 'binary'],
    ['is incomplete', exchange(), bodies(Buffer.from('x'), { isTruncated: true }), 'missing'],
    [
      'was not captured',
      exchange({ request: { fields: [field('content-length', '3')], isTruncated: false } }),
      undefined,
      'missing',
    ],
    ['is empty', exchange(), undefined, 'whole'],
  ])('reports that its body %s', (_what, of, captured, state) => {
    expect(draftOf(of, captured)).toMatchObject({ draft: { body: '' }, notes: { body: state } });
  });

  const { draft, notes } = draftOf(exchange(), undefined);

  it('becomes the request that is sent', () => {
    const written = { ...draft, headers: 'a: b: c\n\n x-empty:\n', body: 'new' };
    expect(requestOf('e1', written, notes)).toEqual({
      request: {
        exchangeId: 'e1',
        method: 'POST',
        target: '/basket',
        headers: [
          { name: 'a', value: 'b: c' },
          { name: 'x-empty', value: '' },
        ],
        body: { text: 'new' },
      },
    });
  });

  it('keeps a body that is not text, unless another one is entered', () => {
    const binary = { ...notes, body: 'binary' } as const;
    expect(requestOf('e1', draft, binary)).not.toHaveProperty('request.body');
    expect(requestOf('e1', { ...draft, body: 'x' }, binary)).toHaveProperty('request.body', { text: 'x' });
  });

  it.each([
    ['target', { target: 'basket' }],
    ['target', { target: '/a?token=***' }],
    ['headers', { headers: 'fine: yes\nnothing' }],
    ['headers', { headers: ': x' }],
  ])('reports an invalid %s', (name, change) => {
    expect(requestOf('e1', { ...draft, ...change }, notes)).toMatchObject({ field: name });
  });

  it('returns the body that was sent: the entered one, or else the captured one', () => {
    const captured = bodies(Buffer.from('old'));
    expect(sentBody({ exchangeId: 'e1' }, captured)).toBe(captured.request);
    expect(sentBody({ exchangeId: 'e1' }, undefined)).toBeNull();
    expect(sentBody({ body: { text: '' } }, captured)).toBeNull();
    const headers = [{ name: 'Content-Type', value: 'text/plain' }];
    expect(sentBody({ headers, body: { text: 'é' } }, captured)).toMatchObject({
      base64: 'w6k=',
      bytes: 2,
      contentType: 'text/plain',
    });
  });

  it('knows which methods change something', () => {
    expect(['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE', 'get'].map(isSafe)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
