import { describe, expect, it } from 'vitest';
import { findMemoryFolder, runsPrograms } from './memory-folder.js';

describe('findMemoryFolder', () => {
  it('finds none where there is not enough room', () => {
    expect(findMemoryFolder(Number.MAX_SAFE_INTEGER)).toBeNull();
  });
});

describe('runsPrograms', () => {
  const root = 'overlay / overlay rw,relatime 0 0';

  it.each([
    ['a file system in memory', 'tmpfs /dev/shm tmpfs rw,nosuid,nodev,relatime 0 0', true],
    [
      'one from which no program starts',
      'shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0',
      false,
    ],
    ['a disk', '/dev/sda1 /dev/shm ext4 rw,relatime 0 0', false],
    ['a folder of another file system', 'tmpfs /run tmpfs rw,relatime 0 0', false],
  ])('judges %s', (_what, mount, expected) => {
    expect(runsPrograms('/dev/shm', `${root}\n${mount}\n`)).toBe(expected);
  });

  it('judges the mount that covers the others', () => {
    const [lower, upper] = ['tmpfs /dev/shm tmpfs rw,noexec 0 0', 'tmpfs /dev/shm tmpfs rw 0 0'];
    expect(runsPrograms('/dev/shm', `${lower}\n${upper}\n`)).toBe(true);
  });
});
