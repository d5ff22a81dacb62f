import { describe, expect, it } from 'vitest';
import { matchesFilter } from '@culvert/exchanges';
import { collectMethod, collectStatus } from './filter.js';

const exchange = { method: 'GET', target: '/api/orders/17?x=/admin', status: 404, error: null };

describe(matchesFilter.name, () => {
  it.each([
    [{}, true],
    [{ method: ['GET', 'POST'] }, true],
    [{ method: ['POST'] }, false],
    [{ status: ['404'] }, true],
    [{ status: ['4xx'] }, true],
    [{ status: ['5xx', '200'] }, false],
    [{ status: ['failed'] }, false],
    [{ path: 'orders' }, true],
    [{ path: '/api/*' }, true],
    [{ path: '/api/*/17' }, true],
    [{ path: '*17' }, true],
    [{ path: '*admin' }, false],
    [{ path: '/api' }, true],
    [{ path: '/web*' }, false],
    [{ path: '/api/orders/17*17' }, false],
    [{ path: '*o*r*d*e*r*s*' }, true],
    [{ method: ['GET'], status: ['4xx'], path: '/web/*' }, false],
  ])('compares %j', (filter, matches) => {
    expect(matchesFilter(exchange, filter)).toBe(matches);
  });

  it('finds exchanges that failed, with a response of Culvert or without any', () => {
    const failed = { status: ['failed'] };
    expect(matchesFilter({ ...exchange, status: 502, error: 'refused' }, failed)).toBe(true);
    expect(matchesFilter({ ...exchange, status: null, error: 'cancelled' }, failed)).toBe(true);
    expect(matchesFilter({ ...exchange, status: null, error: 'cancelled' }, { status: ['4xx'] })).toBe(false);
  });

  it('takes linear time for a pattern with many stars', () => {
    const long = { ...exchange, target: `/${'a'.repeat(100_000)}` };
    expect(matchesFilter(long, { path: `${'a*'.repeat(1000)}b` })).toBe(false);
  });
});

describe('the flags', () => {
  it.each(['404', '4XX', 'failed'])('accept the status %s', (text) => {
    expect(collectStatus(text, ['500'])).toEqual(['500', text.toLowerCase()]);
  });

  it.each(['6xx', '40', 'x', ''])('refuse the status %j', (text) => {
    expect(() => collectStatus(text, undefined)).toThrow('Use a status');
  });

  it('write methods in upper case and refuse what is not a method', () => {
    expect(collectMethod('get', undefined)).toEqual(['GET']);
    expect(() => collectMethod('GET /', undefined)).toThrow('Use an HTTP method.');
  });
});
