import { describe, expect, it } from 'vitest';
import { Codecs, MessageError } from './codec.js';
import { decodeSnapshot } from './snapshot.js';

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push((rest % 0x80) | 0x80);
  octets.push(rest);
  return Buffer.from(octets);
}
const int = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(value)]);
const bytes = (number: number, content: Buffer | string): Buffer => {
  const value = Buffer.from(content as string);
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
};
const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
const entry = (key: string, value: string): Buffer => message(bytes(1, key), bytes(2, value));
const snapshot = (...intercepts: readonly Buffer[]): Buffer =>
  message(...intercepts.map((each) => bytes(1, each)));

const EMPTY = {
  id: '',
  disposition: 0,
  message: '',
  previewDomain: '',
  ingress: null,
  headers: new Map(),
  metadata: new Map(),
};
/** Every field of the message, with an unknown field of every wire type. */
const WHOLE = message(
  bytes(1, bytes(1, 'web')),
  bytes(2, '/tmp/mount'),
  int(3, 1),
  bytes(4, 'agent found'),
  bytes(5, 'session:web'),
  bytes(6, bytes(1, 'secret-session')),
  bytes(7, 'quiet-heron.preview.test'),
  bytes(
    9,
    message(bytes(1, message(bytes(1, 'web.shop'), int(2, 8443), int(3, 1), bytes(4, 'shop'))), int(2, 1)),
  ),
  bytes(13, 'secret-key'),
  bytes(14, entry('x-who', 'ada')),
  bytes(15, entry('team', 'shop')),
  bytes(15, entry('branch', 'größer')),
  bytes(17, entry('PASSWORD', 'secret-of-the-workload')),
  int(900, 7),
  message(varint(901 * 8 + 1), Buffer.alloc(8, 1)),
  message(varint(902 * 8 + 5), Buffer.alloc(4, 1)),
  message(varint(903 * 8 + 3), int(1, 1), varint(903 * 8 + 4)),
);

describe('a snapshot of intercepts', () => {
  it('is read field by field, without any secret', () => {
    const [first, second, ...rest] = decodeSnapshot(snapshot(WHOLE, Buffer.alloc(0)));
    expect(first).toEqual({
      id: 'session:web',
      disposition: 1,
      message: 'agent found',
      previewDomain: 'quiet-heron.preview.test',
      ingress: { host: 'web.shop', port: 8443, useTls: true, l5host: 'shop' },
      headers: new Map([['x-who', 'ada']]),
      metadata: new Map([
        ['team', 'shop'],
        ['branch', 'größer'],
      ]),
    });
    expect([second, rest]).toEqual([EMPTY, []]);
    expect(decodeSnapshot(Buffer.alloc(0))).toEqual([]);
  });

  it('decodes to the same as with the codec of the whole message', () => {
    const { intercepts } = Codecs.InterceptInfoSnapshot.decode(snapshot(WHOLE));
    const [shown] = decodeSnapshot(snapshot(WHOLE));
    const { previewSpec, headers, metadata, id, disposition, message: text, previewDomain } = intercepts[0];
    expect(shown).toEqual({
      id,
      disposition,
      message: text,
      previewDomain,
      ingress: previewSpec?.ingress,
      headers: new Map(Object.entries(headers)),
      metadata: new Map(Object.entries(metadata)),
    });
  });

  it('skips fields of a wrong wire type', () => {
    const odd = message(int(5, 1), bytes(3, 'x'), int(14, 1), int(9, 3), bytes(4, 'read'));
    expect(decodeSnapshot(message(int(1, 5), snapshot(odd)))).toEqual([{ ...EMPTY, message: 'read' }]);
  });

  it('ends where it is cut, at whatever byte', () => {
    const all = snapshot(WHOLE);
    for (let length = 1; length < all.length; length++)
      expect(() => decodeSnapshot(all.subarray(0, length))).toThrow(MessageError);
  });

  it.each([
    ['garbage', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a length that goes beyond it', message(varint(10), varint(100), Buffer.alloc(10))],
    [
      'a nested length that goes beyond its message',
      snapshot(message(varint(5 * 8 + 2), varint(9), Buffer.from('abc'))),
    ],
    ['groups without end', Buffer.alloc(100_000, 0x0b)],
    ['a varint without end', snapshot(Buffer.alloc(50, 0xff))],
  ])('is refused when it is %s', (_name, garbage) => {
    expect(() => decodeSnapshot(garbage)).toThrow(MessageError);
  });

  it('has at most 10,000 intercepts', () => {
    const some = (count: number): Buffer => Buffer.alloc(count * 2, Buffer.from([0x0a, 0]));
    expect(decodeSnapshot(some(10_000))).toHaveLength(10_000);
    // As many as fit into the 16 MiB that a snapshot may have: refused before they are objects.
    expect(() => decodeSnapshot(some(8_000_000))).toThrow('more than 10000 intercepts');
    expect(() => decodeSnapshot(Buffer.alloc(16 * 1024 * 1024 + 1))).toThrow(/more than \d+ bytes/);
  });

  it('has at most 500,000 fields, those of no interest included', () => {
    const fields = (count: number): Buffer => snapshot(Buffer.alloc(count * 2, int(2, 1)));
    expect(decodeSnapshot(fields(499_999))).toEqual([EMPTY]);
    expect(() => decodeSnapshot(fields(500_000))).toThrow('more than 500000 fields');
  });

  it('has at most 64 entries of a map, and those of later ones are left out', () => {
    const many = Array.from({ length: 100_000 }, (_, n) => bytes(15, entry(`k${n}`, 'v')));
    const [{ metadata, id }] = decodeSnapshot(snapshot(message(...many, bytes(5, 'a:b'))));
    expect([metadata.size, metadata.get('k63'), id]).toEqual([64, 'v', 'a:b']);
  });
});
