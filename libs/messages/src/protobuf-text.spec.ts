import { describe, expect, it } from 'vitest';
import { protobufText } from './protobuf-text.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe(protobufText.name, () => {
  it.each([
    ['a number and a text', '08 96 01 12 03 41 6e 6e', '1: 150\n2: "Ann"'],
    ['a message within it', '0a 04 08 01 10 02', '1: {\n  1: 1\n  2: 2\n}'],
    [
      'fixed numbers',
      '0d 00 00 80 3f 11 00 00 00 00 00 00 f0 3f',
      '1: 0x3f800000 (1)\n2: 0x3ff0000000000000 (1)',
    ],
    ['bytes that are neither text nor a message', '0a 02 ff fe', '1: fffe'],
    ['the largest number', '08 ff ff ff ff ff ff ff ff ff 01', '1: 18446744073709551615'],
    ['nothing', '', ''],
  ])('shows %s', (_name, hex, text) => {
    expect(protobufText(bytes(hex))).toBe(text);
  });

  it.each([
    ['a field with number 0', '00 01'],
    ['a group', '0b'],
    ['a length beyond the end', '0a 05 41'],
    ['a number without an end', '08 ff ff ff ff ff ff ff ff ff ff ff'],
  ])('refuses %s', (_name, hex) => {
    expect(protobufText(bytes(hex))).toBeNull();
  });

  it('shows the whole fields of a message that was cut', () => {
    expect(protobufText(bytes('08 01 12 05 41'), { isTruncated: true })).toBe('1: 1');
  });

  it('is bounded for messages that are built to be deep or long', () => {
    let deep = Buffer.from([0x08, 1]);
    for (let i = 0; i < 2000; i++) deep = Buffer.concat([Buffer.from([0x0a]), varint(deep.length), deep]);
    expect(protobufText(deep)!.split('\n').length).toBeLessThan(100);
    const many = Buffer.concat(Array.from({ length: 8000 }, () => Buffer.from([0x08, 1])));
    expect(protobufText(many)!.split('\n')).toHaveLength(501);
  });

  it('reads a bounded number of fields in all depths together', () => {
    // Each level is read as a message up to its last byte, which shows that it is not one.
    const fields = Buffer.concat(Array.from({ length: 400 }, () => Buffer.from([0x08, 1])));
    let level: Buffer = Buffer.concat([fields, Buffer.from([0xff])]);
    for (let i = 0; i < 8; i++)
      level = Buffer.concat([fields, Buffer.from([0x0a]), varint(level.length), level, Buffer.from([0xff])]);
    const text = protobufText(
      Buffer.concat([Buffer.from([0x0a]), varint(level.length), level, bytes('10 01')]),
    );
    expect(text?.endsWith('\n…')).toBe(true);
  });
});

function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([(value & 0x7f) | 0x80, value >> 7]);
}
