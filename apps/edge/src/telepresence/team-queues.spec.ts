import { Deferred } from '@culvert/testkit';
import { describe, expect, it } from 'vitest';
import { TeamQueues } from './team-queues.js';

/** Adds work that must have room. */
function add(queues: TeamQueues, teamId: string, work: () => Promise<void>): Promise<void> {
  const added = queues.add(teamId, work);
  if (added === null) throw new Error('the queue is full');
  return added;
}

describe(TeamQueues.name, () => {
  it('does the work of a team one after the other, also after a failure', async () => {
    const queues = new TeamQueues(10);
    const log: string[] = [];
    const first = new Deferred();
    const results = [
      add(queues, 'a', async () => {
        log.push('first begins');
        await first.promise;
        log.push('first ends');
        throw new Error('it failed');
      }),
      add(queues, 'a', async () => void log.push('second')),
    ];
    await add(queues, 'b', async () => void log.push('another team'));
    expect(log).toEqual(['first begins', 'another team']);
    first.resolve();
    const [failed, done] = await Promise.allSettled(results);
    expect([failed.status, done.status]).toEqual(['rejected', 'fulfilled']);
    expect(log).toEqual(['first begins', 'another team', 'first ends', 'second']);
  });

  it('accepts no more than its limit from a team, until some of it is done', async () => {
    const queues = new TeamQueues(2);
    const gate = new Deferred();
    const work = [add(queues, 'a', () => gate.promise), add(queues, 'a', async () => {})];
    expect(queues.add('a', async () => {})).toBeNull();
    expect(queues.add('b', async () => {})).not.toBeNull();
    gate.resolve();
    await Promise.all(work);
    expect(queues.add('a', async () => {})).not.toBeNull();
  });
});
