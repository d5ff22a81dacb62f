import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureBinary, findBinary } from './binary.js';
import { ServerProcess, TemporaryFolder } from './server.js';

describe('ensureBinary', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it('finds the first installed name', async () => {
    const node = await ensureBinary({ names: ['no-such-program', 'node'], debianPackage: 'nodejs' });
    expect(node).toMatch(/\/node$/);
  });

  it('finds a program in a folder besides PATH', () => {
    process.env['PATH'] = '';
    expect(findBinary({ names: ['sh'], debianPackage: 'dash' })).toBeNull();
    expect(findBinary({ names: ['sh'], debianPackage: 'dash', folders: ['/bin'] })).toBe('/bin/sh');
  });

  it('explains how to provide what it can neither find nor install', async () => {
    process.env['PATH'] = '';
    const missing = ensureBinary({ names: ['no-such-program'], debianPackage: 'no-such-package' });
    await expect(missing).rejects.toThrow('apt-get install no-such-package');
  });
});

describe('ServerProcess', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder('spec');
  });

  function start(program: string): Promise<ServerProcess> {
    return ServerProcess.start({
      command: process.execPath,
      args: ['-e', program],
      folder,
      ready: 'ready',
      stopSignal: 'SIGTERM',
    });
  }

  it('runs until it is stopped, and leaves neither process nor folder', async () => {
    const server = await start('console.log(`ready ${process.pid}`); setInterval(() => {}, 1000)');
    expect(existsSync(folder.path)).toBe(true);
    await server.stop();
    await server.stop();
    expect(existsSync(folder.path)).toBe(false);
  });

  it('reports the output of a server that ended instead of starting, and leaves no folder', async () => {
    const failed = start('console.error("port taken"); process.exit(3)');
    await expect(failed).rejects.toMatchObject({
      cause: { message: expect.stringContaining('port taken') as string },
    });
    expect(existsSync(folder.path)).toBe(false);
  });
});
