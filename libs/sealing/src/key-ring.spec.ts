import { describe, expect, it } from 'vitest';
import { KeyRing } from './key-ring.js';
import { SealBrokenError, UnknownKeyError } from './sealing-errors.js';

const PLACE = ['kept-exchange', 'team-1', 'preview-1', 'exchange-1'];
const [OLD, NEW] = [KeyRing.generate(), KeyRing.generate()];
const ringOf = (...keys: string[]): KeyRing => {
  const ring = KeyRing.parse(keys);
  if (ring === null) throw new Error('not keys');
  return ring;
};

describe(KeyRing.name, () => {
  it('opens what it sealed, and its sealed form contains nothing of it', () => {
    const ring = ringOf(NEW);
    const secret = Buffer.from('a secret of the database '.repeat(4));
    const sealed = ring.seal(secret, PLACE);
    expect(ring.open(sealed, PLACE)).toEqual(secret);
    expect(Buffer.from(sealed.sealed).includes('secret')).toBe(false);
    expect(sealed.keyId).toMatch(/^[0-9a-f]{16}$/);
    expect(ring.seal(secret, PLACE).sealed).not.toEqual(sealed.sealed);
  });

  it('opens with each of its keys, seals with the first, and reseals what an older key sealed', () => {
    const sealed = ringOf(OLD).seal(Buffer.from('x'), PLACE);
    const ring = ringOf(NEW, OLD);
    expect(ring.open(sealed, PLACE).toString()).toBe('x');
    expect(sealed.keyId).not.toBe(ring.currentId);
    const resealed = ring.reseal(sealed, PLACE);
    expect(resealed.keyId).toBe(ring.currentId);
    expect(ringOf(NEW).open(resealed, PLACE).toString()).toBe('x');
  });

  it('names the missing key', () => {
    const sealed = ringOf(OLD).seal(Buffer.from('x'), PLACE);
    expect(() => ringOf(NEW).open(sealed, PLACE)).toThrow(UnknownKeyError);
    expect(() => ringOf(NEW).open(sealed, PLACE)).toThrow(sealed.keyId);
  });

  it('wraps data keys, which seal data of their owner', () => {
    const { key, wrapped } = ringOf(OLD).createDataKey(['preview', '1']);
    const sealed = key.seal(Buffer.from('x'), PLACE);
    const ring = ringOf(NEW, OLD);
    const again = ring.unwrap(ring.reseal(wrapped, ['preview', '1']), ['preview', '1']);
    expect(again.open(sealed, PLACE).toString()).toBe('x');
    expect(() => ring.unwrap(wrapped, ['preview', '2'])).toThrow(SealBrokenError);
    expect(() => ring.createDataKey(['preview', '1']).key.open(sealed, PLACE)).toThrow(SealBrokenError);
  });

  it.each([
    ['another record', (sealed: Buffer) => sealed, ['kept-exchange', 'team-1', 'preview-1', 'exchange-2']],
    [
      'parts of the place joined otherwise',
      (sealed: Buffer) => sealed,
      ['kept-exchange', 'team-1","preview-1', 'exchange-1'],
    ],
    ['a changed byte', (sealed: Buffer) => sealed.fill(sealed[40] ^ 1, 40, 41), PLACE],
    ['a changed tag', (sealed: Buffer) => sealed.fill(sealed.at(-1)! ^ 1, sealed.length - 1), PLACE],
    ['a shorter text', (sealed: Buffer) => sealed.subarray(0, -1), PLACE],
    ['nothing', () => Buffer.alloc(0), PLACE],
    ['another version', (sealed: Buffer) => sealed.fill(9, 0, 1), PLACE],
  ])('refuses %s', (_what, change, place) => {
    const ring = ringOf(NEW);
    const { keyId, sealed } = ring.seal(Buffer.from('some secret'), PLACE);
    const changed = { keyId, sealed: change(Buffer.from(sealed)) };
    expect(() => ring.open(changed, place)).toThrow(SealBrokenError);
  });

  it.each([[[]], [['short']], [['a'.repeat(44)]], [['', OLD]], [Array<string>(17).fill(OLD)]])(
    'does not take %j for keys',
    (texts) => expect(KeyRing.parse(texts)).toBeNull(),
  );
});
