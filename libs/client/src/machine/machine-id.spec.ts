import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { machineId } from './machine-id.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

describe('the machine id', () => {
  it('is stable for one person, and differs between people', () => {
    const config = join(folder, 'a', 'culvert');
    const id = machineId(config);
    expect(id).toMatch(/^[0-9a-f]{24}$/);
    expect(machineId(config)).toBe(id);
    expect(machineId(join(folder, 'b'))).not.toBe(id);
    expect(statSync(join(config, 'machine-id')).mode & 0o777).toBe(0o600);
    expect(readdirSync(config)).toEqual(['machine-id']);
  });

  it('replaces a file without a valid id', () => {
    writeFileSync(join(folder, 'machine-id'), 'something else');
    const id = machineId(folder);
    expect(machineId(folder)).toBe(id);
  });

  it('is new on every run when nothing can be stored', () => {
    expect(machineId(null)).not.toBe(machineId(null));
    writeFileSync(join(folder, 'file'), '');
    const below = join(folder, 'file', 'config');
    expect(machineId(below)).not.toBe(machineId(below));
  });
});
