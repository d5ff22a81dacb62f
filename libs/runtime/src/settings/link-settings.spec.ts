import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { loadSettings } from './settings.js';

const SPLIT = { DATABASE_URL: 'postgresql://culvert:pw@db/culvert', REDIS_URL: 'redis://redis:6379' };
const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(40)];

const directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function linksOf(env: Record<string, string>) {
  return loadSettings('edge', { ...SPLIT, ...env }).links;
}

function problemsOf(env: Record<string, string>): readonly ConfigurationProblem[] {
  try {
    linksOf(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

const own = createTestCertificate(['edge.internal']);
const CERTIFICATES = {
  EDGE_LINK_CERT_FILE: file('edge.crt', own.cert),
  EDGE_LINK_KEY_FILE: file('edge.key', own.key),
  EDGE_LINK_CA_FILE: file('ca.crt', own.cert),
};

describe('the settings of links', () => {
  it('are absent without a secret, and without Redis', () => {
    expect(linksOf({})).toBeNull();
    expect(loadSettings('standalone', { EDGE_LINK_SECRET: OLD }).links).toBeNull();
  });

  it('have a port of their own', () => {
    const credentials = { kind: 'secrets', secrets: [OLD] };
    expect(linksOf({ EDGE_LINK_SECRET: OLD })).toEqual({
      port: 9091,
      address: undefined,
      credentials,
      files: null,
    });
    expect(
      linksOf({ EDGE_LINK_SECRET: OLD, EDGE_LINK_PORT: '7001', EDGE_LINK_ADDRESS: '[fd00::1]:7002' }),
    ).toEqual({ port: 7001, address: '[fd00::1]:7002', credentials, files: null });
  });

  it('take several secrets, and a secret from a file', () => {
    const credentials = { kind: 'secrets', secrets: [OLD, NEW] };
    expect(linksOf({ EDGE_LINK_SECRET: `${OLD}, ${NEW}` })?.credentials).toEqual(credentials);
    expect(linksOf({ EDGE_LINK_SECRET_FILE: file('secret', `${OLD},${NEW}\n`) })?.credentials).toEqual(
      credentials,
    );
  });

  it('take a secret from each line of a file, and name the files that are read again', () => {
    const EDGE_LINK_SECRET_FILE = file('secrets', `${OLD}\r\n\n${NEW}\n`);
    const links = linksOf({ EDGE_LINK_SECRET_FILE });
    expect(links?.credentials).toEqual({ kind: 'secrets', secrets: [OLD, NEW] });
    expect(links?.files).toEqual({ EDGE_LINK_SECRET_FILE });
    expect(linksOf(CERTIFICATES)?.files).toEqual(CERTIFICATES);
  });

  it('take certificates', () => {
    const credentials = { kind: 'certificates', cert: own.cert, key: own.key, ca: own.cert };
    expect(linksOf(CERTIFICATES)?.credentials).toEqual(credentials);
  });

  it.each<[string, Record<string, string>]>([
    ['a short secret', { EDGE_LINK_SECRET: 'x'.repeat(31) }],
    ['a long secret', { EDGE_LINK_SECRET: 'x'.repeat(513) }],
    ['a secret with a space', { EDGE_LINK_SECRET: `${OLD} ${NEW}` }],
    ['a short secret among others', { EDGE_LINK_SECRET: `${OLD},hunter2` }],
    ['five secrets', { EDGE_LINK_SECRET: Array(5).fill(OLD).join(',') }],
  ])('refuse %s without quoting it', (_what, env) => {
    const problems = problemsOf(env);
    expect(problems.map(({ variable }) => variable)).toEqual(['EDGE_LINK_SECRET']);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|xxx|ooo/);
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['an empty file', { EDGE_LINK_SECRET_FILE: file('empty', '') }, ['EDGE_LINK_SECRET_FILE']],
    ['a missing file', { EDGE_LINK_SECRET_FILE: join(directory, 'none') }, ['EDGE_LINK_SECRET_FILE']],
    [
      'a certificate alone',
      { EDGE_LINK_CERT_FILE: CERTIFICATES.EDGE_LINK_CERT_FILE },
      ['EDGE_LINK_KEY_FILE', 'EDGE_LINK_CA_FILE'],
    ],
    [
      'a key of another certificate',
      { ...CERTIFICATES, EDGE_LINK_KEY_FILE: file('other.key', createTestCertificate(['x']).key) },
      ['EDGE_LINK_CERT_FILE'],
    ],
    // Node takes an empty CA for the public authorities, which sign certificates for everyone.
    [
      'an empty file of authorities',
      { ...CERTIFICATES, EDGE_LINK_CA_FILE: file('empty.ca', '') },
      ['EDGE_LINK_CA_FILE'],
    ],
    [
      'a file of authorities without a certificate',
      { ...CERTIFICATES, EDGE_LINK_CA_FILE: file('key.ca', own.key) },
      ['EDGE_LINK_CA_FILE'],
    ],
    [
      'an empty certificate',
      { ...CERTIFICATES, EDGE_LINK_CERT_FILE: file('empty.crt', '') },
      ['EDGE_LINK_CERT_FILE'],
    ],
    ['an empty key', { ...CERTIFICATES, EDGE_LINK_KEY_FILE: file('empty.key', '') }, ['EDGE_LINK_CERT_FILE']],
    ['a secret beside certificates', { ...CERTIFICATES, EDGE_LINK_SECRET: OLD }, ['EDGE_LINK_SECRET']],
    [
      'an address without a port',
      { EDGE_LINK_SECRET: OLD, EDGE_LINK_ADDRESS: 'edge' },
      ['EDGE_LINK_ADDRESS'],
    ],
    ['a port that is none', { EDGE_LINK_SECRET: OLD, EDGE_LINK_PORT: '65536' }, ['EDGE_LINK_PORT']],
  ])('refuse %s', (_what, env, variables) => {
    expect(problemsOf(env).map(({ variable }) => variable)).toEqual(variables);
  });
});
