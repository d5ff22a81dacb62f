import type { ConnectionEventDraft } from '@culvert/domain';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionHistory } from './connection-history.js';

const START = Date.UTC(2026, 0, 1);
const at = (seconds: number) => new Date(START + seconds * 1000);

/** A store that can fail. */
class FakeEvents {
  readonly written: ConnectionEventDraft[] = [];
  batches = 0;
  isAway = false;

  append(drafts: readonly ConnectionEventDraft[]): Promise<void> {
    if (this.isAway) return Promise.reject(new Error('away'));
    this.batches++;
    this.written.push(...drafts);
    return Promise.resolve();
  }
}

describe('the history of connections', () => {
  let events: FakeEvents;
  let history: ConnectionHistory;
  beforeEach(() => {
    events = new FakeEvents();
    history = new ConnectionHistory(events, pino({ enabled: false }));
  });

  const add = (seconds: number, detail = '', trafficManagerId = 'tm-1') =>
    history.add({
      teamId: 'team',
      trafficManagerId,
      sessionId: 'session',
      at: at(seconds),
      change: 'disconnected',
      kind: 'native',
      edgeId: 'edge',
      remoteAddress: '192.0.2.1',
      version: '1',
      reason: 'connection_lost',
      detail,
    });
  const written = () => events.written.map(({ detail, omittedBefore }) => [detail, omittedBefore]);

  it('writes events in one batch', async () => {
    add(1, 'a');
    add(2, 'b', 'tm-2');
    await history.flush(at(3));
    await history.flush(at(4));
    expect(written()).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect(events.batches).toBe(1);
  });

  it('keeps few events of an unstable manager, including its last state, and counts the missing ones', async () => {
    // Five a second for ten minutes.
    for (let i = 0; i < 3000; i++) {
      add(i / 5, String(i));
      if (i % 50 === 49) await history.flush(at(i / 5));
    }
    expect(events.written.length).toBeLessThan(45);
    const left = events.written.length;
    // Then the manager stays away.
    await history.flush(at(700));
    expect(events.written.at(-1)).toMatchObject({ detail: '2999' });
    expect(events.written).toHaveLength(left + 1);
    const missing = events.written.reduce((sum, { omittedBefore }) => sum + omittedBefore, 0);
    expect(events.written.length + missing).toBe(3000);
  });

  it('does not let one manager use up the allowance of another', async () => {
    for (let i = 0; i < 100; i++) add(1, String(i));
    add(2, 'quiet', 'tm-2');
    await history.flush(at(3));
    expect(written()).toHaveLength(31);
    expect(written()).toContainEqual(['quiet', 0]);
  });

  it('writes all events again of a manager that was calm for long enough', async () => {
    for (let i = 0; i < 31; i++) add(1, String(i));
    await history.flush(at(3600));
    events.written.length = 0;
    for (let i = 0; i < 30; i++) add(7200, String(i));
    await history.flush(at(7200));
    expect(written()).toHaveLength(30);
  });

  it('writes events that the store rejected later, in order', async () => {
    events.isAway = true;
    add(1, 'a');
    await expect(history.flush(at(1))).rejects.toThrow('away');
    add(2, 'b');
    await expect(history.flush(at(2))).rejects.toThrow('away');
    events.isAway = false;
    await history.flush(at(3));
    expect(written()).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
  });

  it('limits what it holds while the store is away, and drops the oldest', async () => {
    events.isAway = true;
    for (let i = 0; i < 10_050; i++) add(1, String(i), `tm-${i}`);
    await expect(history.flush(at(1))).rejects.toThrow('away');
    events.isAway = false;
    await history.flush(at(2));
    expect(events.written).toHaveLength(10_000);
    expect(events.written[0].detail).toBe('50');
  });

  it('writes held events when the edge stops', async () => {
    for (let i = 0; i < 40; i++) add(1, String(i));
    await history.close();
    expect(written()).toHaveLength(31);
    expect(written().at(-1)).toEqual(['39', 9]);
  });
});
