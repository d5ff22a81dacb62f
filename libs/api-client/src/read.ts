/**
 * Reads a response by the contract's schema, with one tolerance towards newer servers: fields, and values of closed sets, that
 * this version does not know are accepted. Unknown fields are left out, unknown values are kept.
 * Everything that the schema promises has to be there.
 *
 * It walks the schema instead of building a lenient one from it: schemas are a good part of the time that a short command takes.
 */
import { z } from 'zod';
import type { Read } from './types.js';

/** What is wrong with a response, and at which path. Never quotes the response, which may hold secrets. */
export class ReadError extends Error {
  override readonly name = 'ReadError';

  constructor(path: readonly (string | number)[], what: string) {
    super(path.length === 0 ? what : `${path.join('.')}: ${what}`);
  }
}

/** @throws ReadError when `value` lacks what `schema` promises */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): Read<z.output<Schema>> {
  return readAt(schema, value, []) as Read<z.output<Schema>>;
}

type Path = readonly (string | number)[];

function readAt(schema: z.core.$ZodType, value: unknown, path: Path): unknown {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return readObject(def, value, path);
    case 'array':
      if (!Array.isArray(value)) throw new ReadError(path, 'must be a list');
      return value.map((item, i) => readAt(def.element, item, [...path, i]));
    case 'record':
      return Object.fromEntries(
        Object.entries(objectOf(value, path)).map(([key, item]) => [
          key,
          readAt(def.valueType, item, [...path, key]),
        ]),
      );
    case 'nullable':
      return value === null ? null : readAt(def.innerType, value, path);
    case 'optional':
      return value === undefined ? undefined : readAt(def.innerType, value, path);
    case 'union':
      return readUnion(def.options, value, path);
    case 'enum':
      if (typeof value !== 'string') throw new ReadError(path, 'must be a string');
      return value;
    default:
      return readLeaf(schema, value, path);
  }
}

function readObject({ shape }: z.core.$ZodObjectDef, value: unknown, path: Path): object {
  const given = objectOf(value, path);
  const fields: [string, unknown][] = [];
  for (const [key, field] of Object.entries(shape)) {
    const found = readAt(field, Object.hasOwn(given, key) ? given[key] : undefined, [...path, key]);
    if (found !== undefined) fields.push([key, found]);
  }
  return Object.fromEntries(fields);
}

function readUnion(options: readonly z.core.$ZodType[], value: unknown, path: Path): unknown {
  let first: unknown;
  for (const option of options) {
    try {
      return readAt(option, value, path);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function readLeaf(schema: z.core.$ZodType, value: unknown, path: Path): unknown {
  const { error, data } = z.safeParse(schema, value);
  if (error) throw new ReadError(path, error.issues[0].message);
  return data;
}

function objectOf(value: unknown, path: Path): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new ReadError(path, 'must be an object');
}
