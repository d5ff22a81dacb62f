import { describe, expect, it } from 'vitest';
import { Http2Error } from '../frames/errors.js';
import { ErrorCode } from '../frames/frame.js';
import { HpackDecoder, MAX_TABLE_BYTES } from './decoder.js';
import { HpackEncoder } from './encoder.js';
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.js';
import { HeaderField } from './header-field.js';

const LIMITS = { maxListBytes: 65_536, maxFields: 200 };

function decode(decoder: HpackDecoder, hex: string): string[] {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(block, 0, block.length).map(({ name, value }) => `${name}: ${value}`);
}

function encode(encoder: HpackEncoder, fields: readonly (readonly [string, string])[]): Buffer {
  encoder.begin();
  for (const [name, value] of fields) if (!encoder.addKnown(`${name}: ${value}`)) encoder.add(name, value);
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}

/** Returns a repeatable source of numbers below `max`. */
function seeded(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

describe('the vectors of RFC 7541 Appendix C', () => {
  const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
  const second = [...first, 'cache-control: no-cache'];
  const third = [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ];

  it.each([
    ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key: custom-header']],
    ['C.2.2', '040c2f73616d706c652f70617468', [':path: /sample/path']],
    ['C.2.3', '100870617373776f726406736563726574', ['password: secret']],
    ['C.2.4', '82', [':method: GET']],
  ])('decode to the field of %s', (_name, hex, fields) => {
    expect(decode(new HpackDecoder(LIMITS), hex)).toEqual(fields);
  });

  it.each([
    [
      'C.3, without Huffman',
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    [
      'C.4, with Huffman',
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
  ])('decode to the requests of %s', (_name, one, two, three) => {
    const decoder = new HpackDecoder(LIMITS);
    expect(decode(decoder, one)).toEqual(first);
    expect(decode(decoder, two)).toEqual(second);
    expect(decode(decoder, three)).toEqual(third);
  });

  it.each([
    [
      'C.5, without Huffman',
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    [
      'C.6, with Huffman',
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ])('decode to the responses of %s, with eviction from a table of 256 bytes', (_name, one, two, three) => {
    const decoder = new HpackDecoder(LIMITS);
    // The RFC assumes the smaller table; here the first block announces it.
    expect(decode(decoder, `3fe101${one}`)).toEqual([
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ]);
    expect(decode(decoder, two)[0]).toBe(':status: 307');
    expect(decode(decoder, three)).toEqual([
      ':status: 200',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
      'location: https://www.example.com',
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ]);
  });
});

describe('Huffman coding', () => {
  it('decodes every byte that it encodes', () => {
    const text = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    const coded = Buffer.alloc(huffmanLength(text));
    expect(huffmanEncode(text, coded, 0)).toBe(coded.length);
    const decoded = Buffer.alloc(2 * coded.length);
    expect(decoded.toString('latin1', 0, huffmanDecode(coded, 0, coded.length, decoded))).toBe(text);
  });

  it.each([
    ['EOS', 'ffffffff'],
    ['padding of a byte', '1fff'],
    ['padding that is not all ones', '18'],
  ])('refuses %s', (_what, hex) => {
    const coded = Buffer.from(hex, 'hex');
    expect(huffmanDecode(coded, 0, coded.length, Buffer.alloc(64))).toBe(-1);
  });
});

describe('a malformed block', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a number without end', 'ffffffffffffffff'],
    ['a number that zeros make long', 'ff8080808000'],
    ['a number that is cut off', 'ff'],
    ['a name that is cut off', '4005aa'],
    ['a field without a value', '44'],
    ['a table larger than allowed', '3fe21f'],
    ['a change of the table behind a field', '823f00'],
    ['a bad Huffman code', '4481ff'],
  ])('ends the connection: %s', (_what, hex) => {
    expect(() => decode(new HpackDecoder(LIMITS), hex)).toThrow(
      expect.objectContaining({ code: ErrorCode.COMPRESSION_ERROR }),
    );
  });
});

describe('the decoder', () => {
  it.each([
    ['bytes', { maxListBytes: 1000, maxFields: 1000 }],
    ['fields', { maxListBytes: 1_000_000, maxFields: 20 }],
  ])('keeps no list above its limit of %s, and decodes the next', (_what, limits) => {
    const decoder = new HpackDecoder(limits);
    const encoder = new HpackEncoder();
    const bomb = Buffer.concat([encode(encoder, [['x', 'y'.repeat(400)]]), Buffer.alloc(50_000, 0xbe)]);
    expect(decoder.decode(bomb, 0, bomb.length).length).toBeLessThanOrEqual(20);
    expect(decoder.isOverLimit).toBe(true);
    expect(decode(decoder, '82')).toEqual([':method: GET']);
    expect(decoder.isOverLimit).toBe(false);
  });

  it('forgets an entry that is larger than the table, and all others with it', () => {
    const decoder = new HpackDecoder(LIMITS);
    decode(decoder, '40016101624001630164');
    const large = Buffer.concat([
      Buffer.from('4001617fa11f', 'hex'),
      Buffer.alloc(127 + 0x21 + 0x1f * 128, 'x'),
    ]);
    expect(decoder.decode(large, 0, large.length)[0].value.length).toBeGreaterThan(MAX_TABLE_BYTES - 33);
    expect(() => decode(decoder, 'be')).toThrow(Http2Error);
  });

  it('rejects a table larger than the announced size', () => {
    const limits = { ...LIMITS, maxTableBytes: 0 };
    // A literal to be indexed, and a size update to the size that the table already has.
    expect(decode(new HpackDecoder(limits), '20 40 01 61 01 62')).toEqual(['a: b']);
    expect(() => decode(new HpackDecoder(limits), '40 01 61 01 62 be')).toThrow(Http2Error);
    expect(() => decode(new HpackDecoder(limits), '21')).toThrow(Http2Error);
    expect(decode(new HpackDecoder(LIMITS), '21 40 01 61 01 62')).toEqual(['a: b']);
  });
});

describe('the encoder', () => {
  it('adds no field to a table of size 0, whatever the peer allows', () => {
    const encoder = new HpackEncoder(0);
    const fields = [
      [':method', 'POST'],
      ['a', 'b'],
    ] as const;
    const first = encode(encoder, fields);
    encoder.setMaxTableBytes(4096);
    expect(encode(encoder, fields)).toEqual(first);
    expect(first.toString('hex')).toBe('0204504f53540001610162');
  });

  it('encodes a repeated field as a reference', () => {
    const encoder = new HpackEncoder();
    encode(encoder, [['server', 'culvert']]);
    expect(encode(encoder, [['server', 'culvert']]).toString('hex')).toBe('be');
  });

  it('never adds cookies, lengths and long values to its table', () => {
    const encoder = new HpackEncoder();
    const fields = [
      ['set-cookie', 'a=b'],
      ['content-length', '7'],
      ['x', 'y'.repeat(600)],
    ] as const;
    encode(encoder, fields);
    expect(encoder.generation).toBe(0);
    // §6.2.3: never indexed, not even by intermediaries.
    expect(encode(encoder, [fields[0]])[0] & 0xf0).toBe(0x10);
  });

  it('announces the smallest and the last size of its table', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(LIMITS);
    decode(decoder, encode(encoder, [['a', '1']]).toString('hex'));
    encoder.setMaxTableBytes(0);
    encoder.setMaxTableBytes(100);
    const block = encode(encoder, [['a', '1']]);
    expect(block.subarray(0, 3).toString('hex')).toBe('203f45');
    expect(decode(decoder, block.toString('hex'))).toEqual(['a: 1']);
    expect(decode(decoder, encode(encoder, [['a', '1']]).toString('hex'))).toEqual(['a: 1']);
  });

  it.each([1, 2, 3])('writes blocks that the decoder reads back, for random fields (seed %i)', (seed) => {
    const random = seeded(seed);
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(LIMITS);
    for (let i = 0; i < 2000; i++) {
      if (random(50) === 0) encoder.setMaxTableBytes(random(5000));
      const fields = Array.from(
        { length: random(12) + 1 },
        () => [`n${random(40)}`, String.fromCharCode(32 + random(224)).repeat(random(60))] as const,
      );
      const block = encode(encoder, fields);
      expect(decode(decoder, block.toString('hex'))).toEqual(fields.map(([n, v]) => `${n}: ${v}`));
    }
  });

  it('decodes random bytes or throws Http2Error, and never fails otherwise', () => {
    const random = seeded(7);
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(Array.from({ length: random(60) + 1 }, () => random(256)));
      try {
        new HpackDecoder(LIMITS).decode(bytes, 0, bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Http2Error);
      }
    }
  });
});

describe('fields', () => {
  it('are judged as RFC 9113 §8.2 does', () => {
    const kinds = (['a', 'A', 'a b', '', ':x', 'a:b', 'ü'] as const).map(
      (name) => HeaderField.of(name, '').kind,
    );
    expect(new Set(kinds.slice(1)).size).toBe(1);
    expect(kinds[0]).not.toBe(kinds[1]);
  });
});
