import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../culvert/culvert-api.js';
import { TestCulvert } from '../spec/test-culvert.js';
import { Authenticator } from './authenticator.js';

const SECRET = 'a-secret-of-the-cluster';
const OWN = 'cvt_own';

let culvert: TestCulvert;
let now: number;
beforeEach(async () => {
  culvert = await TestCulvert.start();
  culvert.keys.set(OWN, { team: 'ours', scopes: ['tunnel'] });
  culvert.keys.set('cvt_dev', { team: 'ours', scopes: ['intercepts:write'] });
  culvert.keys.set('cvt_reader', { team: 'ours', scopes: ['intercepts:read'] });
  culvert.keys.set('cvt_stranger', { team: 'theirs', scopes: ['intercepts:write'] });
  now = 0;
});
afterEach(() => culvert.close());

function authenticator(clusterSecret: string | null = SECRET): Authenticator {
  return new Authenticator(
    {
      url: culvert.url,
      apiKey: () => Promise.resolve(OWN),
      clusterSecret,
      http: createHttpClient(),
    },
    () => now,
  );
}

describe('the authenticator of the meeting point', () => {
  it.each([
    ['the cluster secret', `Bearer ${SECRET}`, 101],
    ["the traffic manager's own key", `Bearer ${OWN}`, 101],
    ['a key of its team', 'Bearer cvt_dev', 101],
    ['a key without the scope', 'Bearer cvt_reader', 403],
    ['a key of another team', 'Bearer cvt_stranger', 403],
    ['an unknown key', 'Bearer cvt_unknown', 401],
    ['a part of the secret', `Bearer ${SECRET.slice(0, -1)}`, 401],
    ['nothing', undefined, 401],
    ['another scheme', `Basic ${SECRET}`, 401],
  ])('answers %s with the right status', async (_, authorization, status) => {
    expect(await authenticator().judge(authorization)).toBe(status);
  });

  it('accepts no secret when it has none', async () => {
    expect(await authenticator(null).judge('Bearer ')).toBe(401);
    expect(await authenticator(null).judge('Bearer null')).toBe(401);
  });

  it('accepts the secret and its own key without asking Culvert', async () => {
    const door = authenticator();
    expect(await door.judge(`Bearer ${SECRET}`)).toBe(101);
    expect(await door.judge(`Bearer ${OWN}`)).toBe(101);
    expect(await door.judgeAgain(SECRET)).toBe(101);
    expect(culvert.calls).toEqual([]);
  });

  it('judges its own key again while tunnels are open, and remembers a refusal', async () => {
    const door = authenticator();
    expect(await door.judgeAgain(OWN)).toBe(101);
    culvert.keys.delete(OWN);
    now = 1000;
    expect(await door.judgeAgain(OWN)).toBe(401);
    expect(await door.judge(`Bearer ${OWN}`)).toBe(401);
  });

  it('accepts its own key while Culvert is unreachable', async () => {
    await culvert.close();
    expect(await authenticator().judgeAgain(OWN)).toBe(101);
  });

  it('asks about a key at most once a second', async () => {
    const door = authenticator();
    await door.judge('Bearer cvt_dev');
    const asked = culvert.calls.length;
    now = 999;
    expect(await door.judge('Bearer cvt_dev')).toBe(101);
    expect(culvert.calls).toHaveLength(asked);
    culvert.keys.delete('cvt_dev');
    now = 1000;
    expect(await door.judge('Bearer cvt_dev')).toBe(401);
  });

  it('asks Culvert once for concurrent calls about one key', async () => {
    const door = authenticator();
    await door.judge('Bearer cvt_dev');
    const asked = culvert.calls.length;
    now = 1000;
    await Promise.all(Array.from({ length: 20 }, () => door.judgeAgain('cvt_dev')));
    expect(culvert.calls).toHaveLength(asked + 1);
  });

  it('accepts a known key for a day while Culvert is unreachable', async () => {
    const door = authenticator();
    await door.judge('Bearer cvt_dev');
    await culvert.close();
    now = 23 * 3_600_000;
    expect(await door.judge('Bearer cvt_dev')).toBe(101);
    expect(await door.judge('Bearer cvt_new')).toBe(503);
    now = 25 * 3_600_000;
    expect(await door.judge('Bearer cvt_dev')).toBe(503);
  });

  it('slows down callers that guess', async () => {
    const door = authenticator();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push(await door.judge('Bearer'));
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.slice(10)).toEqual([429, 429]);
    expect(await door.judge(`Bearer ${SECRET}`)).toBe(101);
  });
});
