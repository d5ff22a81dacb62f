import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findManagerId } from './identity.js';

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
