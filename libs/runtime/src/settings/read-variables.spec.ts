import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import {
  certificatesFile,
  integer,
  list,
  readVariables,
  secret,
  anyText,
  textFile,
  type VariableTable,
  withFlags,
} from './read-variables.js';

let folder: string;
const fileOf = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const read = <Table extends VariableTable>(table: Table, env: Record<string, string>) => {
  const problems: ConfigurationProblem[] = [];
  return { values: readVariables(table, env, problems), problems };
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('readVariables', () => {
  it('treats an empty value as absent, and reads nothing outside its table', () => {
    expect(read({ A: anyText(), B: anyText() }, { A: '', B: 'b', C: 'c' })).toEqual({
      values: { B: 'b' },
      problems: [],
    });
  });

  it('reports everything that is wrong, without the value of a secret', () => {
    const count = integer({ min: 0, max: 10 });
    expect(read({ A: count, B: secret(count) }, { A: '11', B: 'pass' }).problems).toEqual([
      { variable: 'A', expected: 'a whole number from 0 to 10', got: '11' },
      { variable: 'B', expected: 'a whole number from 0 to 10' },
    ]);
  });

  it.each(['-1', '1.5', '1e2', 'x', '11', ' 5'])('refuses %j as a whole number from 0 to 10', (A) => {
    expect(read({ A: integer({ min: 0, max: 10 }) }, { A }).problems).toHaveLength(1);
  });

  it('reads lists without spaces and empty items, and refuses one that has a wrong item', () => {
    const digits = list((item) => (/^\d$/.test(item) ? Number(item) : null), 'digits');
    expect(read({ A: digits }, { A: ' 1, 2 ,,3,' }).values.A).toEqual([1, 2, 3]);
    expect(read({ A: digits }, { A: '1,x' }).problems).toEqual([
      { variable: 'A', expected: 'digits', got: '1,x' },
    ]);
  });

  it('reads files, and names the variable and path of one that cannot be read', () => {
    const path = join(folder, 'absent');
    expect(read({ A: textFile() }, { A: fileOf('there', 'content') }).values.A).toBe('content');
    expect(read({ A: textFile() }, { A: path }).problems).toEqual([
      { variable: 'A', expected: 'the path of a readable file', got: path },
    ]);
  });

  it('reads certificates anew each time, and refuses a file without any', async () => {
    const [first, second] = [createTestCertificate(['a.test']), createTestCertificate(['b.test'])];
    const path = fileOf('ca.pem', first.cert);
    const table = { CA: certificatesFile('CA') };
    const certificates = read(table, { CA: path }).values.CA!;
    expect(await certificates()).toBe(first.cert);
    writeFileSync(path, second.cert);
    expect(await certificates()).toBe(second.cert);
    writeFileSync(path, 'broken');
    await expect(certificates()).rejects.toThrow(ConfigurationError);
    await expect(certificates()).rejects.toThrow(/CA must be the path of a readable file with certificates/);
    for (const CA of [path, join(folder, 'absent')]) expect(read(table, { CA }).problems).toHaveLength(1);
  });
});

describe('withFlags', () => {
  const variables = { port: 'PORT', name: 'NAME', allow: 'ALLOW' } as const;

  it('prefers flags to variables, and has an empty flag hide its variable', () => {
    const flags = { port: '1', name: '', allow: undefined };
    expect(withFlags({ PORT: '2', NAME: 'n', ALLOW: 'a' }, flags, variables)).toEqual({
      PORT: '1',
      NAME: '',
      ALLOW: 'a',
    });
  });

  it('joins a flag that is given several times', () => {
    expect(withFlags({}, { allow: ['a', 'b'] }, variables)).toEqual({ ALLOW: 'a,b' });
  });
});
