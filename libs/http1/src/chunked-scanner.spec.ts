import { describe, expect, it } from 'vitest';
import { ChunkedScanner } from './chunked-scanner.js';
import { HttpSyntaxError } from './errors.js';
import { DEFAULT_CHUNKED_LIMITS } from './limits.js';
import { cuts, list, scanBody } from './spec/properties.js';
import { TABLE_CHUNKED_LIMITS } from './spec/refusals.js';

const LIMITS = DEFAULT_CHUNKED_LIMITS;

/** Returns the ranges that a scanner outputs for each of `pieces`. */
function ranges(output: 'decoded' | 'encoded', ...pieces: string[]): string[] {
  const scanner = new ChunkedScanner(output, LIMITS);
  const given: string[] = [];
  for (const piece of pieces) {
    scanner.scan(Buffer.from(piece, 'latin1'), 0, (buffer, start, end) => {
      given.push(buffer.toString('latin1', start, end));
    });
  }
  return given;
}

describe('ChunkedScanner', () => {
  it('outputs only the payload in decoded mode', () => {
    expect(ranges('decoded', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n')).toEqual(['hello', ' world']);
  });

  it('passes on canonical input as one range, without the last chunk', () => {
    expect(ranges('encoded', '5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n')).toEqual([
      '5\r\nhello\r\nA\r\n0123456789\r\n',
    ]);
  });

  it('passes on the rest of a split chunk as it comes', () => {
    expect(ranges('encoded', '5\r\nhe', 'llo', '\r', '\n3\r\nabc\r\n0', '\r\n\r\n')).toEqual([
      '5\r\nhe',
      'llo',
      '\r',
      '\n3\r\nabc\r\n',
    ]);
  });

  it('rewrites a size line that has an extension or leading zeros, or was split', () => {
    expect(ranges('encoded', '1\r\na\r\n1;x\r\nb\r\n01\r\nc\r\n1\r\nd\r\n0\r\n\r\n')).toEqual([
      '1\r\na\r\n',
      '1\r\n',
      'b\r\n',
      '1\r\n',
      'c\r\n1\r\nd\r\n',
    ]);
    expect(ranges('encoded', '1\r\na\r\n1', '0\r\n0123456789abcdef\r\n0\r\n\r\n')).toEqual([
      '1\r\na\r\n',
      '10\r\n',
      '0123456789abcdef\r\n',
    ]);
  });

  it('drops extensions of the last chunk', () => {
    expect(ranges('encoded', '0;a="b;\\"\t"\r\n\r\n')).toEqual([]);
  });

  it('returns the offset just after the body and reads no further', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    const chunk = Buffer.from('xx1\r\na\r\n0\r\n\r\nGET \0');
    const ignore = () => {};
    expect(scanner.scan(chunk, 2, ignore)).toBe(13);
    expect(scanner.done).toBe(true);
    expect(scanner.scan(chunk, 13, ignore)).toBe(13);
  });

  it('returns the length of the chunk while the body continues', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    const ignore = () => {};
    expect(scanner.scan(Buffer.from('5\r\nhel'), 0, ignore)).toBe(6);
    expect(scanner.scan(Buffer.alloc(0), 0, ignore)).toBe(0);
    expect(scanner.done).toBe(false);
  });

  it.each([
    ['an empty body', '0\r\n\r\n', '', []],
    ['extensions of every form', '1;a;b=c;d="e\\"f\xe9 \t"\r\nx\r\n0;z\r\n\r\n', 'x', []],
    ['payload that looks like framing', '7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n', []],
    [
      'trailers',
      '2\r\nab\r\n0\r\nX-Sum: 1\r\nB:\r\n\r\n',
      'ab',
      [
        { name: 'X-Sum', value: '1' },
        { name: 'B', value: '' },
      ],
    ],
    ['a size of 14 digits', '00000000000001\r\nx\r\n00000000000000\r\n\r\n', 'x', []],
  ])('reads %s the same however it is split', (_what, text, payload, trailers) => {
    const bytes = Buffer.from(text, 'latin1');
    const twoPieces = Array.from(bytes, (_, cut) => [bytes.subarray(0, cut), bytes.subarray(cut)]);
    for (const pieces of [...cuts(text), ...twoPieces]) {
      const decoded = scanBody(pieces, 'decoded', LIMITS);
      expect(decoded).toEqual({ kind: 'complete', output: payload, end: bytes.length, trailers });
      const encoded = scanBody(pieces, 'encoded', LIMITS);
      if (encoded.kind === 'refused') throw new Error('refused');
      const again = scanBody([Buffer.from(`${encoded.output}0\r\n\r\n`, 'latin1')], 'decoded', LIMITS);
      expect(again).toMatchObject({ kind: 'complete', output: payload });
    }
  });

  it('accepts the largest size that a number can hold', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    let bytes = 0;
    scanner.scan(Buffer.from('1fffffffffffff\r\nabc'), 0, (_buffer, start, end) => {
      bytes += end - start;
    });
    expect([bytes, scanner.done]).toEqual([3, false]);
  });

  it('has no trailers when the section is empty', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    scanner.scan(Buffer.from('0\r\n\r\n'), 0, () => {});
    expect(scanner.trailers).toBeNull();
  });

  it('keeps no reference to the chunks that contained the trailers', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    const chunk = Buffer.from('0\r\nX: y\r\n\r\n');
    scanner.scan(chunk, 0, () => {});
    chunk.fill(0);
    expect(list(scanner.trailers)).toEqual([{ name: 'X', value: 'y' }]);
  });

  it('accepts exactly as much as the limits allow', () => {
    const { maxExtensionBytes, maxTrailerBytes } = TABLE_CHUNKED_LIMITS;
    const scan = (text: string) => scanBody([Buffer.from(text)], 'decoded', TABLE_CHUNKED_LIMITS);
    expect(scan(`0;${'a'.repeat(maxExtensionBytes - 1)}\r\n\r\n`).kind).toBe('complete');
    expect(scan(`0;${'a'.repeat(maxExtensionBytes)}\r\n\r\n`)).toEqual({
      kind: 'refused',
      code: 'CHUNK_EXTENSIONS_TOO_LARGE',
    });
    expect(scan(`0\r\nX:${'a'.repeat(maxTrailerBytes - 6)}\r\n\r\n`).kind).toBe('complete');
    expect(scan(`0\r\nX:${'a'.repeat(maxTrailerBytes - 5)}\r\n\r\n`)).toEqual({
      kind: 'refused',
      code: 'TRAILERS_TOO_LARGE',
    });
    expect(scan('0\r\nX:\r\nX:\r\n\r\n').kind).toBe('complete');
    expect(scan('0\r\nX:\r\nX:\r\nX:\r\n\r\n')).toEqual({ kind: 'refused', code: 'TOO_MANY_FIELDS' });
  });

  it('outputs the chunks before a fault, and throws', () => {
    const scanner = new ChunkedScanner('decoded', LIMITS);
    const given: string[] = [];
    const scan = () =>
      scanner.scan(Buffer.from('1\r\na\r\nx'), 0, (buffer, start, end) => {
        given.push(buffer.toString('latin1', start, end));
      });
    expect(scan).toThrow(HttpSyntaxError);
    expect(given).toEqual(['a']);
  });
});
