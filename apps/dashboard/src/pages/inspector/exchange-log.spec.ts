import { describe, expect, it } from 'vitest';
import type { Exchange, ExchangeMessage } from '../../api/exchanges.js';
import { ExchangeLog, matches, MAX_BODIES, MAX_EXCHANGES, MAX_MESSAGES } from './exchange-log.js';

export function exchange(id: string, change: Partial<Exchange> = {}): Exchange {
  return {
    id,
    state: 'ended',
    startedAt: '2026-11-25T12:00:00.000Z',
    method: 'GET',
    target: '/basket?x=1',
    httpVersion: '1.1',
    upgrade: null,
    visitor: { address: '192.0.2.7', kind: 'anyone', id: null },
    replayOf: null,
    request: { fields: [{ name: 'accept', value: '*/*', isMasked: false }], isTruncated: false },
    response: null,
    notes: [],
    changes: [],
    status: 200,
    error: null,
    timings: { gateMs: 1, waitMs: 0, connectMs: 2, firstByteMs: 10, bodyMs: 3 },
    bytesIn: 100,
    bytesOut: 200,
    ...change,
  };
}

function manualLog() {
  const frames: (() => void)[] = [];
  const log = new ExchangeLog((flush) => void frames.push(flush));
  return { log, frames, draw: () => frames.splice(0).forEach((flush) => flush()) };
}

describe(ExchangeLog.name, () => {
  it('notifies readers once per frame, however much arrives in it', () => {
    const { log, frames, draw } = manualLog();
    let told = 0;
    log.subscribe(() => (told += 1));
    for (let n = 0; n < 500; n++) log.add(exchange(String(n)));
    expect([frames.length, told]).toEqual([1, 0]);
    draw();
    expect(told).toBe(1);
    expect(log.snapshot().exchanges).toHaveLength(500);
    expect(log.snapshot()).toBe(log.snapshot());
  });

  it('lists the newest first, and keeps the position of an exchange that is updated', () => {
    const { log, draw } = manualLog();
    log.add(exchange('1', { state: 'open', status: null }));
    log.add(exchange('2'));
    log.add(exchange('1', { status: 204 }));
    draw();
    expect(log.snapshot().exchanges.map(({ id, status }) => [id, status])).toEqual([
      ['2', 200],
      ['1', 204],
    ]);
  });

  it('drops the oldest beyond its limits', () => {
    const { log, draw } = manualLog();
    for (let n = 0; n < MAX_EXCHANGES + 10; n++) {
      log.add(exchange(String(n)));
      log.addBodies({ id: String(n), request: null, response: null });
    }
    draw();
    const { exchanges, bodies } = log.snapshot();
    expect([exchanges.length, exchanges.at(-1)?.id, bodies.size]).toEqual([MAX_EXCHANGES, '10', MAX_BODIES]);
  });

  it('adds each message once, live or with the bodies, up to a limit', () => {
    const { log, draw } = manualLog();
    const message = (seq: number): ExchangeMessage => ({
      exchangeId: 'a',
      seq,
      at: '2026-11-25T12:00:00.000Z',
      direction: 'request',
      kind: 'text',
      bytes: 1,
      isCompressed: false,
      code: null,
      text: 'x',
      base64: null,
      isTruncated: false,
    });
    const seqs = () => {
      draw();
      return log
        .snapshot()
        .messages.get('a')
        ?.map(({ seq }) => seq);
    };
    log.addMessage(message(0));
    log.addMessage(message(2));
    log.addMessage(message(2));
    log.addBodies({ id: 'a', request: null, response: null, messages: [message(2), message(3)] });
    expect(seqs()).toEqual([0, 2, 3]);
    for (let seq = 4; seq < 2 * MAX_MESSAGES; seq++) log.addMessage(message(seq));
    expect(seqs()).toHaveLength(MAX_MESSAGES);
    expect(seqs()?.at(-1)).toBe(2 * MAX_MESSAGES - 1);
  });

  it('counts what the server left out, until it is cleared', () => {
    const { log, draw } = manualLog();
    log.addOmitted(7);
    log.addOmitted(3);
    draw();
    expect(log.snapshot().omitted).toBe(10);
    log.clear();
    draw();
    expect(log.snapshot()).toMatchObject({
      exchanges: [],
      bodies: new Map(),
      messages: new Map(),
      omitted: 0,
    });
  });
});

describe('the filter of exchanges', () => {
  it.each([
    [{ text: '', outcome: '' }, true],
    [{ text: 'BASKET', outcome: '' }, true],
    [{ text: '192.0.2', outcome: '2' }, true],
    [{ text: '200', outcome: '' }, true],
    [{ text: 'post', outcome: '' }, false],
    [{ text: '', outcome: '5' }, false],
    [{ text: '', outcome: 'failed' }, false],
  ])('%j', (filter, isShown) => {
    expect(matches(exchange('1'), filter)).toBe(isShown);
  });

  it('finds exchanges that failed before the service responded', () => {
    const failed = exchange('1', { status: 503, error: 'manager_unavailable' });
    expect(matches(failed, { text: 'manager', outcome: 'failed' })).toBe(true);
  });
});
