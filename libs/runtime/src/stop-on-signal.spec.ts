import { createLog } from './log/log.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stopOnSignal } from './stop-on-signal.js';

const log = createLog({ level: 'silent', app: 'api' });

describe('stopOnSignal', () => {
  let exits: number[];
  let exited: Promise<void>;

  beforeEach(() => {
    // The grace of one test must not end the process of the next.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    exits = [];
    exited = new Promise((resolve) => {
      vi.spyOn(process, 'exit').mockImplementation(((code: number) => {
        exits.push(code);
        resolve();
      }) as typeof process.exit);
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    process.removeAllListeners('SIGTERM');
    process.removeAllListeners('SIGINT');
    process.removeAllListeners('SIGHUP');
  });

  it('stops, then exits with 0', async () => {
    const steps: string[] = [];
    stopOnSignal({ stop: async () => void steps.push('stopped'), graceMs: 1000, log });
    process.emit('SIGTERM');
    await exited;
    expect([steps, exits]).toEqual([['stopped'], [0]]);
  });

  it('exits with 1 when stopping fails', async () => {
    stopOnSignal({ stop: () => Promise.reject(new Error('no')), graceMs: 1000, log });
    process.emit('SIGINT');
    await exited;
    expect(exits).toEqual([1]);
  });

  it('exits with 1 when stopping takes longer than the grace period', async () => {
    stopOnSignal({ stop: () => new Promise(() => {}), graceMs: 1000, log });
    process.emit('SIGTERM');
    vi.advanceTimersByTime(999);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(1);
    await exited;
    expect(exits).toEqual([1]);
  });

  it('stops when its terminal closes, and continues to stop at a second SIGHUP', async () => {
    let finish = (): void => {};
    stopOnSignal({ stop: () => new Promise((resolve) => (finish = resolve)), graceMs: 1000, log });
    process.emit('SIGHUP', 'SIGHUP');
    process.emit('SIGHUP', 'SIGHUP');
    expect(exits).toEqual([]);
    finish();
    await exited;
    expect(exits).toEqual([0]);
  });

  it('ends at once at the second signal', () => {
    stopOnSignal({ stop: () => new Promise(() => {}), graceMs: 1000, log });
    process.emit('SIGTERM');
    expect(exits).toEqual([]);
    process.emit('SIGTERM');
    expect(exits).toEqual([1]);
  });
});
