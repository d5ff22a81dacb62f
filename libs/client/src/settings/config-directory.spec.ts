import { describe, expect, it } from 'vitest';
import { configDirectory } from './config-directory.js';

describe('the config directory', () => {
  it.each([
    ['linux', { HOME: '/home/ann' }, '/home/ann/.config/culvert'],
    ['linux', { HOME: '/home/ann', XDG_CONFIG_HOME: '/x' }, '/x/culvert'],
    [
      'darwin',
      { HOME: '/Users/ann', XDG_CONFIG_HOME: '/x' },
      '/Users/ann/Library/Application Support/culvert',
    ],
    ['win32', { APPDATA: '/Roaming' }, '/Roaming/culvert'],
    ['linux', { HOME: '/home/ann', CULVERT_CONFIG_DIR: '/y' }, '/y'],
  ] as const)('is the place of %s with %o', (platform, env, directory) => {
    expect(configDirectory(env, platform)).toBe(directory);
  });
});
