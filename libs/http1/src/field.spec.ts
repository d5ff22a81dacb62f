import { describe, expect, it } from 'vitest';
import { Field, identifyField } from './field.js';

function identify(name: string): Field {
  const bytes = Buffer.from(`:${name}:`, 'latin1');
  return identifyField(bytes, 1, bytes.length - 1);
}

describe('identifyField', () => {
  const FAMILIES: ReadonlySet<string> = new Set([
    'OTHER',
    'X_FORWARDED',
    'API_KEY',
    'CULVERT',
    'INTERCEPT_ID',
    'PREVIEW_TOKEN',
    'HOP',
    'REQUEST_ID',
  ]);
  const plain = Object.entries(Field).filter(([key]) => !FAMILIES.has(key));

  it('recognizes token and hop mark of a preview under every name that a gateway may give them', () => {
    for (const name of ['culvert-preview-token', 'Culvert_Preview_Token'])
      expect(identify(name)).toBe(Field.PREVIEW_TOKEN);
    for (const name of ['x-culvert-hop', 'X_Culvert_Hop']) expect(identify(name)).toBe(Field.HOP);
    for (const name of ['x-request-id', 'X_Request-ID']) expect(identify(name)).toBe(Field.REQUEST_ID);
    expect(identify('X-Culvert-Hops')).toBe(Field.CULVERT);
    expect(identify('Culvert-Team')).toBe(Field.CULVERT);
    expect(identify('culvert')).toBe(Field.OTHER);
  });

  it.each(plain)('recognizes %s in any case', (key, id) => {
    const name = key.toLowerCase().replaceAll('_', '-');
    expect(identify(name)).toBe(id);
    expect(identify(name.toUpperCase())).toBe(id);
  });

  it.each(plain)('does not confuse other names with %s', (key) => {
    const name = key.toLowerCase().replaceAll('_', '-');
    // These endings produce names that the lookup distinguishes from known ones only by length.
    const endings = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz".split('');
    const longer = endings.flatMap((end) =>
      Array.from({ length: 16 }, (_, padding) => `${name}${'x'.repeat(padding)}${end}`),
    );
    expect(longer.filter((other) => identify(other) !== Field.OTHER)).toEqual([]);
    expect(identify(`y${name}`)).toBe(Field.OTHER);
    expect(identify(`${name.slice(0, 1)}~${name.slice(2)}~`)).toBe(Field.OTHER);
  });

  it.each([
    ['x-forwarded-for', Field.X_FORWARDED],
    ['X-Forwarded-Anything', Field.X_FORWARDED],
    ['x-forwarded-', Field.X_FORWARDED],
    ['x-forwarded', Field.OTHER],
    ['x-forwardedfor', Field.OTHER],
    ['X-Telepresence-Intercept-Id', Field.INTERCEPT_ID],
    ['x-telepresence-intercept-id2', Field.OTHER],
    ['X-Ambassador-Api-Key', Field.API_KEY],
    ['X-Culvert-Api-Key', Field.API_KEY],
    ['X-Culvert-Api-Key2', Field.CULVERT],
    ['X-Culvert-Skip-Banner', Field.CULVERT],
    ['x-culvert', Field.OTHER],
  ])('identifies %s as %i', (name, id) => {
    expect(identify(name)).toBe(id);
  });

  it.each([
    ['X_Forwarded_For', Field.X_FORWARDED],
    ['x-real_ip', Field.X_REAL_IP],
    ['x_telepresence-intercept_id', Field.INTERCEPT_ID],
    ['X_CULVERT_ANYTHING', Field.CULVERT],
  ])('recognizes %s despite its underscores, which services may treat as hyphens', (name, id) => {
    expect(identify(name)).toBe(id);
  });

  it('does not treat underscores as hyphens in framing fields', () => {
    expect(identify('Content_Length')).toBe(Field.OTHER);
    expect(identify('Transfer_Encoding')).toBe(Field.OTHER);
  });

  it('distinguishes names that differ only in the case bit', () => {
    // `-` is 0x2d and CR 0x0d; `@` is 0x40 and a backtick 0x60.
    expect(identify('keep`alive')).toBe(Field.OTHER);
    expect(identify('t%')).toBe(Field.OTHER);
  });
});
