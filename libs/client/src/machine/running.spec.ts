import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endProcess, processStart, startOfStat } from './process-identity.js';
import { Running, type ClaimOptions } from './running.js';

const options: ClaimOptions = {
  kind: 'expose',
  server: 'https://culvert.example.com',
  name: 'localhost-3000',
  target: 'localhost:3000',
  mayNumber: true,
};

let folder: string;
let running: Running;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  running = new Running(folder);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill();
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

const files = () => readdirSync(join(folder, 'running')).map((name) => join(folder, 'running', name));

/** Rewrites the only claim as if another process held it. */
function giveTo(pid: number, changes: object = {}): void {
  const [file = ''] = files();
  const entry = {
    ...JSON.parse(readFileSync(file, 'utf8')),
    pid,
    processStart: processStart(pid),
    ...changes,
  };
  writeFileSync(file, JSON.stringify(entry));
}

function anotherProcess(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  children.push(child);
  return child;
}

describe('the registry of running commands', () => {
  it('shows an entry while its process lives, with the facts of that process', async () => {
    const claim = running.claim(options);
    claim?.update({ url: 'https://heron.example.com', previewId: '1' });
    const child = anotherProcess();
    giveTo(child.pid!);
    expect(running.list('expose')).toMatchObject([
      { name: 'localhost-3000', url: 'https://heron.example.com', pid: child.pid },
    ]);
    expect(running.list('intercept')).toEqual([]);
    child.kill();
    await once(child, 'exit');
    expect(running.list('expose')).toEqual([]);
  });

  it('keeps names of different files apart, and lists what earlier runs left', () => {
    const up = { ...options, kind: 'up', name: 'shop/web', mayNumber: false } as const;
    const first = running.claim({ ...up, file: '/a/culvert.yaml' });
    const second = running.claim({ ...up, file: '/b/culvert.yaml' });
    first?.update({ previewId: '1' });
    second?.update({ previewId: '2' });
    const listed = running.list('up').map(({ file }) => file);
    expect(new Set(listed)).toEqual(new Set(['/a/culvert.yaml', '/b/culvert.yaml']));
    first?.release(true);
    second?.release(false);
    expect(running.list('up')).toEqual([]);
    expect(running.listLeft('up')).toMatchObject([{ file: '/a/culvert.yaml', previewId: '1', pid: 0 }]);
    expect(running.claim({ ...up, file: '/b/culvert.yaml' })?.before).toBeNull();
    expect(running.claim({ ...up, file: '/a/culvert.yaml' })?.before?.previewId).toBe('1');
  });

  it('gives a name to one living process only, or adds a number where allowed', () => {
    running.claim(options);
    giveTo(anotherProcess().pid!);
    expect(running.claim({ ...options, mayNumber: false })).toBeNull();
    expect(running.claim(options)?.name).toBe('localhost-3000-2');
    expect(running.claim({ ...options, server: 'https://other.example.com', mayNumber: false })?.name).toBe(
      'localhost-3000',
    );
    expect(running.claim({ ...options, kind: 'intercept', mayNumber: false })?.name).toBe('localhost-3000');
  });

  it('gives a name once within one process, whether or not it can be written', () => {
    for (const registry of [running, new Running(null)]) {
      const first = registry.claim(options);
      expect(registry.claim({ ...options, mayNumber: false })).toBeNull();
      const second = registry.claim(options);
      first?.release(false);
      const third = registry.claim({ ...options, mayNumber: false });
      expect([second?.name, third?.name]).toEqual(['localhost-3000-2', 'localhost-3000']);
      for (const claim of [second, third]) claim?.release(false);
    }
  });

  it('has no entry after a release', () => {
    running.claim(options)?.release(false);
    expect(files()).toEqual([]);
    expect(running.claim(options)?.before).toBeNull();
  });

  it('keeps an entry for the next run when asked to', () => {
    const claim = running.claim(options);
    claim?.update({ previewId: '1', trafficManagerId: '2' });
    claim?.release(true);
    expect(running.list('expose')).toEqual([]);
    const next = running.claim(options);
    expect(next).toMatchObject({ name: 'localhost-3000', before: { previewId: '1', trafficManagerId: '2' } });
    next?.release(true);
    expect(running.claim(options)?.before?.previewId).toBe('1');
  });

  it('keeps the entry of a process that was killed, or whose machine went down', async () => {
    running.claim(options)?.update({ previewId: '1' });
    const child = anotherProcess();
    giveTo(child.pid!, { startedAt: '2001-01-01T00:00:00.000Z' });
    expect(running.claim(options)).toMatchObject({ name: 'localhost-3000', before: { previewId: '1' } });
    giveTo(child.pid!);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(running.claim(options)).toMatchObject({ name: 'localhost-3000', before: { previewId: '1' } });
    expect(files()).toHaveLength(1);
  });

  // The fault: a killed run's number went to another process of the person, which counted as the run and was ended.
  it('does not take a process for a run whose number it got', async () => {
    running.claim(options)?.update({ previewId: '1' });
    const child = anotherProcess();
    giveTo(child.pid!, { processStart: 'another start' });
    const [entry] = running.listLeft('expose');
    expect(running.list('expose')).toEqual([]);
    expect(endProcess(entry)).toBe('ended');
    expect([child.exitCode, child.signalCode, child.kill(0)]).toEqual([null, null, true]);
    expect(running.claim(options)).toMatchObject({ name: 'localhost-3000', before: { previewId: '1' } });
  });

  it('sends no signal to a process whose start was not recorded, though it may be the run', async () => {
    running.claim(options);
    const child = anotherProcess();
    giveTo(child.pid!, { processStart: undefined });
    const [entry] = running.list('expose');
    expect(entry).toMatchObject({ pid: child.pid, processStart: null });
    expect(endProcess(entry)).toBe('unknown');
    giveTo(child.pid!);
    const exited = once(child, 'exit');
    expect(endProcess(running.list('expose')[0])).toBe('asked');
    await exited;
    expect(endProcess(entry)).toBe('ended');
  });

  it('records the start of its own process', () => {
    running.claim(options);
    const [file = ''] = files();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      pid: process.pid,
      processStart: processStart(process.pid),
    });
    expect(processStart(process.pid)).toEqual(expect.any(String));
  });

  it('reads the start of a process whose name has spaces and parentheses', () => {
    const rest = Array.from({ length: 30 }, (_, index) => String(index + 4));
    expect(startOfStat(`7 (a) (b c) S ${rest.join(' ')}`)).toBe('22');
    expect(startOfStat('7 (a')).toBeNull();
  });

  it('cannot be changed by a process that lost its claim', () => {
    const claim = running.claim(options);
    const { pid = 0 } = anotherProcess();
    giveTo(pid);
    claim?.release(false);
    expect(running.list('expose')).toMatchObject([{ pid }]);
  });

  it('survives an invalid file', () => {
    running.claim(options);
    writeFileSync(files()[0] ?? '', '{');
    expect(running.list('expose')).toEqual([]);
    expect(running.claim(options)).toMatchObject({ name: 'localhost-3000', before: null });
  });

  it('holds a claim only in its own process when nothing can be written', () => {
    writeFileSync(join(folder, 'file'), '');
    for (const nowhere of [new Running(null), new Running(join(folder, 'file'))]) {
      const claim = nowhere.claim(options);
      claim?.update({ previewId: '1' });
      claim?.release(true);
      expect([claim?.name, claim?.before, nowhere.list('expose')]).toEqual(['localhost-3000', null, []]);
    }
  });
});
