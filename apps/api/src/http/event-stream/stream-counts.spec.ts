import { InProcessEventBus } from '@culvert/events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StreamCounts } from './stream-counts.js';

const TIMES = { shareMs: 1, repeatMs: 1_000_000, forgetMs: 1_000_000 };

let bus: InProcessEventBus;
let open: StreamCounts[];
beforeEach(() => {
  bus = new InProcessEventBus((error) => {
    throw error;
  });
  open = [];
});
afterEach(async () => {
  for (const counts of open) counts.close();
  await bus.close();
});

/** The counts of one process. */
function processWith(times = TIMES): StreamCounts {
  const counts = new StreamCounts(bus, times);
  open.push(counts);
  return counts;
}

describe('StreamCounts', () => {
  it('adds up the streams of all processes', async () => {
    const [one, other] = [processWith(), processWith()];
    for (let i = 0; i < 3; i++) one.add('team a');
    other.add('team a');
    expect(one.of('team a')).toBe(3);
    await expect.poll(() => other.of('team a')).toBe(4);
    expect(other.of('team b')).toBe(0);
  });

  it('follows streams that end', async () => {
    const [one, other] = [processWith(), processWith()];
    for (let i = 0; i < 4; i++) one.add('team a');
    await expect.poll(() => other.of('team a')).toBe(4);
    one.remove('team a');
    await expect.poll(() => other.of('team a')).toBe(3);
    one.close();
    await expect.poll(() => other.of('team a')).toBe(0);
  });

  it('forgets a process that fell silent', async () => {
    const [one, other] = [processWith(), processWith({ ...TIMES, forgetMs: 100 })];
    one.add('team a');
    one.add('team a');
    await expect.poll(() => other.of('team a')).toBe(2);
    await expect.poll(() => other.of('team a')).toBe(0);
  });

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['no process', '{"counts":[["team a",5]]}'],
    ['counts of another shape', '{"process":"x","counts":{"team a":5}}'],
    ['an entry of another shape', '{"process":"x","counts":["team a"]}'],
    ['a negative count', '{"process":"x","counts":[["team a",-5]]}'],
    ['a count that is a text', '{"process":"x","counts":[["team a","5"]]}'],
    ['too long a message', `{"process":"${'x'.repeat(5_000_000)}","counts":[["team a",5]]}`],
  ])('ignores %s', (_what, message) => {
    const counts = processWith();
    counts.add('team a');
    bus.send('event-streams', message);
    expect(counts.of('team a')).toBe(1);
  });
});
