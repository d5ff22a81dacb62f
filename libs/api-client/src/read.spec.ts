import { OPERATIONS } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { read, ReadError } from './read.js';

const schema = z.strictObject({
  id: z.string().regex(/^[\x21-\x7e]+$/),
  state: z.enum(['on', 'off']),
  at: z.iso.datetime().nullable(),
  note: z.string().optional(),
  owner: z.strictObject({ name: z.string() }).nullable(),
  items: z.array(z.strictObject({ size: z.int() })).max(2),
  tags: z.record(z.string(), z.string()),
  either: z.union([z.int(), z.strictObject({ a: z.string() })]),
});

const VALUE = {
  id: 'a',
  state: 'on',
  at: '2030-01-01T00:00:00Z',
  owner: { name: 'Ann' },
  items: [{ size: 1 }],
  tags: { 'x-dev': 'ann' },
  either: { a: 'b' },
};

describe('read', () => {
  it('returns what the schema describes', () => {
    expect(read(schema, VALUE)).toEqual(VALUE);
    expect(read(schema, { ...VALUE, at: null, owner: null, note: 'n', either: 3 })).toEqual({
      ...VALUE,
      at: null,
      owner: null,
      note: 'n',
      either: 3,
    });
  });

  it('leaves out fields that it does not know, however deep, and keeps unknown values of closed sets', () => {
    const later = {
      ...VALUE,
      state: 'dimmed',
      mood: 'fine',
      owner: { name: 'Ann', color: 'red' },
      items: [{ size: 1, weight: 2 }, { size: 2 }, { size: 3 }],
      either: { a: 'b', c: 'd' },
    };
    expect(read(schema, later)).toEqual({
      ...VALUE,
      state: 'dimmed',
      items: [{ size: 1 }, { size: 2 }, { size: 3 }],
    });
  });

  it.each<[string, object]>([
    ['id', { id: undefined }],
    ['id', { id: '' }],
    ['state', { state: 1 }],
    ['at', { at: 'yesterday' }],
    ['note', { note: 1 }],
    ['owner.name', { owner: {} }],
    ['owner', { owner: [] }],
    ['items', { items: {} }],
    ['items.0.size', { items: [{ size: 'big' }] }],
    ['tags.a', { tags: { a: 1 } }],
    ['tags', { tags: null }],
    ['either', { either: true }],
  ])('refuses a response without the %s that is promised', (path, change) => {
    expect(() => read(schema, { ...VALUE, ...change })).toThrow(ReadError);
    expect(() => read(schema, { ...VALUE, ...change })).toThrow(new RegExp(`^${path}: `));
  });

  it('does not quote the response in its errors', () => {
    const act = () => read(z.strictObject({ key: z.url() }), { key: 'cvt_secret' });
    expect(act).toThrow(/^key: (?!.*cvt_secret)/);
  });

  it('takes no field from the prototype of an object, and sets none', () => {
    expect(() => read(z.strictObject({ constructor: z.unknown().refine(Boolean) }), {})).toThrow(ReadError);
    const tags = read(z.record(z.string(), z.string()), JSON.parse('{"__proto__":"x"}'));
    expect(Object.keys(tags)).toEqual(['__proto__']);
  });

  /** Kinds of schemas that `read` walks, or that contain nothing in which a newer server could send more. */
  const KNOWN =
    /^(object|array|record|nullable|optional|union|enum|string|number|boolean|null|literal|unknown)$/;

  it.each(
    OPERATIONS.flatMap(({ id, response }) =>
      response instanceof z.ZodType ? [[id, response] as const] : [],
    ),
  )('knows every kind of schema in the response of %s', (_id, response) => {
    const kinds = new Set<string>();
    const visit = (node: z.core.$ZodType): void => {
      const { def } = (node as z.core.$ZodTypes)._zod;
      kinds.add(def.type);
      if (def.type === 'object') {
        // `read` would not check a rule for the whole object.
        expect(def.checks ?? []).toEqual([]);
        for (const field of Object.values(def.shape)) visit(field);
      } else if (def.type === 'array') visit(def.element);
      else if (def.type === 'record') visit(def.valueType);
      else if (def.type === 'nullable' || def.type === 'optional') visit(def.innerType);
      else if (def.type === 'union') for (const option of def.options) visit(option);
    };
    visit(response);
    expect([...kinds].filter((kind) => !KNOWN.test(kind))).toEqual([]);
  });
});
