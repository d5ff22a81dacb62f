import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findClusterId, findManagerId } from './identity.js';

const NOWHERE = { stateDirectory: null, hostname: 'manager-7d9c5b8f6d-x2x4z', namespace: 'tools' };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-identity-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the manager id', () => {
  it('is created once and stored for its owner only', () => {
    const stateDirectory = join(directory, 'a', 'b');
    const id = findManagerId({ ...NOWHERE, stateDirectory });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(findManagerId({ ...NOWHERE, stateDirectory })).toBe(id);
    expect(readFileSync(join(stateDirectory, 'manager-id'), 'utf8')).toBe(id);
    expect(statSync(join(stateDirectory, 'manager-id')).mode & 0o777).toBe(0o600);
  });

  it('is the one in the file', () => {
    writeFileSync(join(directory, 'manager-id'), 'my-cluster\n');
    expect(findManagerId({ ...NOWHERE, stateDirectory: directory })).toBe('my-cluster');
  });

  it.each(['', 'is derived when the file contains %j', 'x'.repeat(129), 'a\u0007'])(
    'is derived when what was written is %j',
    (text) => {
      writeFileSync(join(directory, 'manager-id'), text);
      expect(findManagerId({ ...NOWHERE, stateDirectory: directory })).toMatch(/^derived-[0-9a-f]{32}$/);
    },
  );

  it('is derived when the folder cannot be created', () => {
    writeFileSync(join(directory, 'file'), '');
    const stateDirectory = join(directory, 'file', 'below');
    expect(findManagerId({ ...NOWHERE, stateDirectory })).toMatch(/^derived-/);
  });

  it('is derived alike for every pod of a Deployment, and differs for other workloads', () => {
    const id = findManagerId(NOWHERE);
    expect(findManagerId({ ...NOWHERE, hostname: 'manager-7d9c5b8f6d-9k2lq' })).toBe(id);
    expect(findManagerId({ ...NOWHERE, hostname: 'manager-66b4d9c7f-zzzzz' })).toBe(id);
    expect(findManagerId({ ...NOWHERE, hostname: 'manager' })).toBe(id);
    expect(findManagerId({ ...NOWHERE, namespace: 'other' })).not.toBe(id);
    expect(findManagerId({ ...NOWHERE, hostname: 'manager-0' })).not.toBe(id);
  });
});

describe('the cluster id', () => {
  const block = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const idOf = (text: string) => {
    const file = join(directory, 'ca.crt');
    writeFileSync(file, text);
    return findClusterId(file);
  };

  it('is the same for the same authority, however its file is written', () => {
    const id = idOf(block('MIIB\nAAAA') + block('MIIC'));
    expect(id).toMatch(/^ca-[0-9a-f]{32}$/);
    expect(idOf(`# bundle\n${block('MIIC')}\n${block('MIIBAAAA')}`)).toBe(id);
    expect(idOf((block('MIIB\nAAAA') + block('MIIC')).replaceAll('\n', '\r\n'))).toBe(id);
  });

  it('differs between authorities', () => {
    expect(idOf(block('MIIB'))).not.toBe(idOf(block('MIIC')));
  });

  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nMIIB', 'x'.repeat(1_048_577)])(
    'is unknown where the file holds no certificates',
    (text) => {
      expect(idOf(text)).toBeNull();
    },
  );

  it('is unknown outside a cluster', () => {
    expect(findClusterId(join(directory, 'missing'))).toBeNull();
    expect(findClusterId(directory)).toBeNull();
  });
});
