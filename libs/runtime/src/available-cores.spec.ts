import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { availableCores } from './available-cores.js';

const machine = availableParallelism();

function withFiles(files: Readonly<Record<string, string>>): number {
  return availableCores((path) => files[path.replace('/sys/fs/cgroup/', '')] ?? '');
}

describe('availableCores', () => {
  it('rounds the limit of a container up, and never exceeds the machine', () => {
    expect(withFiles({ 'cpu.max': '50000 100000' })).toBe(1);
    expect(withFiles({ 'cpu.max': '150000 100000' })).toBe(Math.min(2, machine));
    expect(withFiles({ 'cpu.max': '99900000 100000' })).toBe(machine);
    expect(withFiles({ 'cpu/cpu.cfs_quota_us': '100000', 'cpu/cpu.cfs_period_us': '100000' })).toBe(1);
  });

  it.each([
    ['no files', {}],
    ['cgroup 2 without a limit', { 'cpu.max': 'max 100000' }],
    ['cgroup 1 without a limit', { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000' }],
    [
      'files that make no sense',
      { 'cpu.max': 'x', 'cpu/cpu.cfs_quota_us': '', 'cpu/cpu.cfs_period_us': '0' },
    ],
  ])('is the number of cores of the machine with %s', (_what, files) => {
    expect(withFiles(files)).toBe(machine);
  });
});
