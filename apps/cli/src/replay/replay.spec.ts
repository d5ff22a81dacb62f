import { createReplayRequest } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { requestOf } from './replay.js';

const EXCHANGE = '0198c7f2-4b1e-4c3a-9d52-6f1e0a7b8c9d';
const URL_OF_PREVIEW = 'https://k3v9.preview.example/orders?a=b#top';

describe(requestOf.name, () => {
  it.each([
    [{}, { method: 'GET', target: '/orders?a=b' }],
    [{ data: 'x' }, { method: 'POST', target: '/orders?a=b' }],
    [{ data: '' }, { method: 'GET', target: '/orders?a=b' }],
    [
      { method: 'PUT', data: 'x', target: '/other' },
      { method: 'PUT', target: '/other' },
    ],
    [
      { header: ['X-A: 1: 2', 'x-b:'] },
      {
        method: 'GET',
        target: '/orders?a=b',
        headers: [
          { name: 'X-A', value: '1: 2' },
          { name: 'x-b', value: '' },
        ],
      },
    ],
  ])('sends a new request to the preview of a URL with %j', (flags, request) => {
    const made = requestOf(URL_OF_PREVIEW, flags);
    expect(made).toEqual({ reference: 'k3v9.preview.example', request });
    expect(createReplayRequest.safeParse(made.request).error).toBeUndefined();
  });

  it('repeats an exchange, and replaces only the parts that are given', () => {
    expect(requestOf(EXCHANGE, { preview: 'k3v9' })).toEqual({
      reference: 'k3v9',
      request: { exchangeId: EXCHANGE },
    });
    expect(requestOf(EXCHANGE, { preview: 'k3v9', method: 'PUT', target: '/x' }).request).toEqual({
      exchangeId: EXCHANGE,
      method: 'PUT',
      target: '/x',
    });
  });

  it.each([
    ['exchange-1', {}, '--preview is needed'],
    ['http://', { preview: 'k3v9' }, 'is not a URL'],
    [URL_OF_PREVIEW, { header: ['no colon'] }, 'is not a header'],
  ])('refuses %s with %j', (what, flags, message) => {
    expect(() => requestOf(what, flags)).toThrow(message);
  });
});
