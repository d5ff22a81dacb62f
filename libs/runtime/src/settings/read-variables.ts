/**
 * Reads settings: all programs describe theirs in a table, by the name of the environment variable, and one function reads it. A
 * schema's description completes the sentence "VARIABLE must be …"; `secret` keeps a wrong value out of the message.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { splitList } from './secrets.js';

/** Variables by name, each with the schema of its text. */
export type VariableTable = Readonly<Record<string, z.ZodType>>;

/** The values of a table's variables. Variables that are not set, or are empty, are absent. */
export type VariableValues<Table extends VariableTable> = {
  readonly [Name in keyof Table]?: z.output<Table[Name]>;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the variables of `table`. What is wrong with them is added to `problems`. */
export function readVariables<Table extends VariableTable>(
  table: Table,
  env: Environment,
  problems: ConfigurationProblem[],
): VariableValues<Table> {
  const values: Record<string, unknown> = {};
  for (const [variable, schema] of Object.entries(table)) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const result = schema.safeParse(text);
    if (result.success) values[variable] = result.data;
    else problems.push(problemOf(variable, schema, text));
  }
  return values as VariableValues<Table>;
}

function problemOf(variable: string, schema: z.ZodType, text: string): ConfigurationProblem {
  const expected = schema.description ?? 'valid';
  return { variable, expected, ...(isSecret(schema) ? {} : { got: text }) };
}

/**
 * Returns the environment in which the flags of a command line replace the variables with the same meaning. An empty flag hides
 * its variable. Flags that are given several times are joined by commas.
 * @param variables the variable of each flag
 */
export function withFlags<Flags extends object>(
  env: Environment,
  flags: Flags,
  variables: { readonly [Flag in keyof Flags]?: string },
): Environment {
  const merged: Record<string, string | undefined> = { ...env };
  for (const [flag, variable] of Object.entries(variables) as [keyof Flags, string][]) {
    const given: unknown = flags[flag];
    if (typeof given === 'string') merged[variable] = given;
    else if (Array.isArray(given)) merged[variable] = given.join(',');
  }
  return merged;
}

/** A value that may carry a password or a key. */
export function secret<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), secret: true });
}

/** Reports whether values of this schema may carry a password or a key. */
export function isSecret(schema: z.ZodType): boolean {
  return schema.meta()?.['secret'] === true;
}

/** A whole number, ends included. `what` begins its description. */
export function integer(range: { readonly min: number; readonly max: number; readonly what?: string }) {
  const { min, max, what = 'a whole number' } = range;
  return z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .describe(`${what} from ${min} to ${max}`);
}

/** A port; 0 has the system choose. */
export function portNumber() {
  return integer({ min: 0, max: 65_535, what: 'a port' });
}

/** Any text. */
export function anyText() {
  return z.string();
}

/**
 * Items separated by commas, at least one. Spaces around them, and empty items, are left out.
 * @param parse returns null for what is not an item
 */
export function list<Item>(parse: (item: string) => Item | null, expected: string) {
  return z
    .string()
    .transform((value) => splitList(value).map(parse))
    .refine((items): items is Item[] => items.length > 0 && items.every((item) => item !== null))
    .describe(expected);
}

/** The content of the file that the variable names, read once. */
export function textFile() {
  return z
    .string()
    .transform((path, context) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        context.addIssue('cannot be read');
        return z.NEVER;
      }
    })
    .describe('the path of a readable file');
}

/** A reader of the PEM certificates in the file that the variable names. They are checked now, and at every read. */
export function certificatesFile(variable: string) {
  const expected = 'the path of a readable file with certificates in PEM';
  return z
    .string()
    .refine((path) => hasCertificate(path))
    .transform((path) => async (): Promise<string> => {
      const pem = await readFile(path, 'utf8');
      if (beginsWithCertificate(pem)) return pem;
      throw new ConfigurationError([{ variable, expected, got: path }]);
    })
    .describe(expected);
}

function hasCertificate(path: string): boolean {
  try {
    return beginsWithCertificate(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

function beginsWithCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
