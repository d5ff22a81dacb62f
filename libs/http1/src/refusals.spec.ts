import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HTTP_SYNTAX_STATUS, HttpSyntaxError } from './errors.js';
import type { HttpSyntaxCode } from './errors.js';
import { checkChunked, checkRequest, checkResponse } from './spec/properties.js';
import {
  REFUSED_BODIES,
  REFUSED_REQUESTS,
  REFUSED_RESPONSES,
  TABLE_CHUNKED_LIMITS,
  TABLE_LIMITS,
} from './spec/refusals.js';

// The checks feed the input whole and in pieces, and compare with the plain twin.
describe('a malformed request', () => {
  it.each(REFUSED_REQUESTS)('is refused with %s: %s', (code, _what, text) => {
    expect(checkRequest(text, TABLE_LIMITS)).toBe(code);
  });
});

describe('a malformed response', () => {
  it.each(REFUSED_RESPONSES)('is refused with %s: %s', (code, _what, text) => {
    expect(checkResponse(text, TABLE_LIMITS, 'GET')).toBe(code);
  });
});

describe('a malformed chunked body', () => {
  it.each(REFUSED_BODIES)('is refused with %s: %s', (code, _what, text) => {
    expect(checkChunked(text, TABLE_CHUNKED_LIMITS)).toBe(code);
  });
});

describe('HttpSyntaxError', () => {
  const codes = Object.keys(HTTP_SYNTAX_STATUS) as HttpSyntaxCode[];
  const rows = [...REFUSED_REQUESTS, ...REFUSED_RESPONSES, ...REFUSED_BODIES];

  it.each(codes)('has a row in the tables for %s', (code) => {
    expect(rows.some((row) => row[0] === code)).toBe(true);
  });

  it('has its code and the status of the response', () => {
    const error = new HttpSyntaxError('HEAD_TOO_LARGE');
    expect(error).toMatchObject({ name: 'HttpSyntaxError', code: 'HEAD_TOO_LARGE', status: 431 });
  });

  it('has the statuses that docs/http1.md lists', () => {
    const page = readFileSync(new URL('../../../docs/http1.md', import.meta.url), 'utf8');
    const listed = Array.from(page.matchAll(/^\| `([A-Z0-9_]+)` \| (\d+) \|/gm), (row) => [
      row[1],
      Number(row[2]),
    ]);
    expect(Object.fromEntries(listed)).toEqual(HTTP_SYNTAX_STATUS);
  });
});
