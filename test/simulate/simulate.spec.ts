import { expect, it } from 'vitest';
import { CAN_START_REDIS } from '../redis/redis-servers.js';
import { startProgram } from '../support/process.js';

/** A record expires 5 s after its last renewal; the rest is for a busy machine. */
const MAX_GONE_MS = 6_500;

it.skipIf(!CAN_START_REDIS)(
  'npm run simulate shows that lost edges are forgotten in time, and that known holders survive an emptied Redis',
  async () => {
    const program = startProgram(
      'test/simulate/main.js',
      {},
      '--edges=8 --managers=400 --seconds=1'.split(' '),
    );
    expect(await program.exited).toMatchObject({ code: 0 });
    const figures = new Map(
      [...program.stdout.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].map(([, figure, value]) => [
        figure,
        value,
      ]),
    );
    const last = (figure: string) =>
      Number(figures.get(`${figure}, ms (median / p99 / max)`)?.split(' / ')[2]);
    expect(last('stopped edge gone at the others')).toBeLessThan(MAX_GONE_MS);
    expect(last('killed edge gone at the others')).toBeLessThan(MAX_GONE_MS);
    expect(last('closed edge gone at the others')).toBeLessThan(MAX_GONE_MS);
    const [known, fewest] = (figures.get('known holders, before and fewest meanwhile') ?? '').split(' / ');
    expect(Number(known)).toBeGreaterThan(0);
    expect(fewest).toBe(known);
    expect(figures.get('errors reported by the edges')).toBe('0');
  },
);
