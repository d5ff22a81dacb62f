import { describe, expect, it } from 'vitest';
import { SearchSlots } from './search-slots.js';

describe(SearchSlots.name, () => {
  it('refuses a fifth search of a team until one ends, and lets other teams search', async () => {
    const slots = new SearchSlots();
    const ends: (() => void)[] = [];
    const search = (team: string) => slots.run(team, () => new Promise<void>((end) => void ends.push(end)));
    const running = Array.from({ length: 4 }, () => search('a'));
    await expect(search('a')).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 2 });
    running.push(search('b'));
    ends[0]();
    await running[0];
    running.push(search('a'));
    for (const end of ends) end();
    await Promise.all(running);
    await expect(slots.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await expect(slots.run('a', async () => 'done')).resolves.toBe('done');
  });
});
