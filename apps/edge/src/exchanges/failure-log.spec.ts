import { RelayError } from '@culvert/relay';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FailureLog } from './failure-log.js';

describe(FailureLog.name, () => {
  it('logs the reference at the default level, and a burst of one kind does not hide others', () => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as never) });
    const failures = new FailureLog(log);
    for (let i = 0; i < 10_000; i++)
      failures.add(new RelayError('unknown_host', 'No preview exists at this address.'), 'x.preview.test');
    const error = new RelayError('ingress_refused', 'Ingress a:80: connection refused.');
    failures.add(error, 'shop.preview.test');
    expect(lines.length).toBeLessThan(110);
    expect(lines.at(-1)).toMatchObject({
      code: 'ingress_refused',
      // The level of a warning, which the demo shows.
      level: 40,
      status: 502,
      detail: 'Ingress a:80: connection refused.',
      reference: error.reference,
      hostname: 'shop.preview.test',
    });
  });
});
