import { describe, expect, it } from 'vitest';
import { RequestBudget, RequestBudgets } from './request-budget.js';

/** Returns how many of `count` requests pass at one moment. */
function pass(budget: RequestBudget, requests: number, now: number): number {
  let passed = 0;
  for (let i = 0; i < requests; i++) if (budget.consume(now)) passed++;
  return passed;
}

describe('the budget of a team', () => {
  it('admits a minute’s requests at once, then as many as the elapsed time adds', () => {
    const budget = new RequestBudget(240, 0);
    expect(pass(budget, 300, 0)).toBe(240);
    expect(pass(budget, 300, 250)).toBe(1);
    expect(pass(budget, 300, 1250)).toBe(4);
    expect(pass(budget, 300, 61_250)).toBe(240);
  });

  it('never holds more than a minute gives, however long it is unused', () => {
    const budget = new RequestBudget(10, 0);
    expect(pass(budget, 1, 0)).toBe(1);
    expect(pass(budget, 30, 3_600_000)).toBe(10);
  });

  it('gives a minute’s requests a minute, whatever the steps of the clock', () => {
    const budget = new RequestBudget(7, 0);
    expect(pass(budget, 7, 0)).toBe(7);
    let passed = 0;
    for (let now = 250; now <= 600_000; now += 250) passed += pass(budget, 3, now);
    // A rounding error may delay the last request.
    expect([69, 70]).toContain(passed);
  });

  it('is not lowered by requests that are refused', () => {
    const budget = new RequestBudget(60, 0);
    pass(budget, 60, 0);
    expect(pass(budget, 100_000, 500)).toBe(0);
    expect(pass(budget, 2, 1000)).toBe(1);
    expect(budget.passed).toBe(61);
  });

  it.each([
    [60, 1],
    [4, 15],
    [1, 60],
    [1_200_000, 1],
  ])('of %d a minute asks for a retry in %d s when it is used up', (perMinute, seconds) => {
    const budget = new RequestBudget(perMinute, 0);
    pass(budget, perMinute + 1, 0);
    const refusal = budget.refusal();
    expect(refusal).toMatchObject({ code: 'team_request_limit', status: 429, retryAfterSeconds: seconds });
    expect(refusal.message).toContain(`${perMinute} requests a minute`);
    expect(budget.consume(seconds * 1000)).toBe(true);
  });
});

describe('the budgets of an edge', () => {
  it('return what is to be shared once, and only of teams that had enough', () => {
    const budgets = new RequestBudgets(100);
    const budget = budgets.hold('a', 0);
    pass(budget, 9, 0);
    pass(budgets.hold('quiet', 0), 2, 0);
    expect(budgets.drainUnshared(10)).toEqual(new Map());
    pass(budget, 3, 0);
    expect(budgets.drainUnshared(10)).toEqual(new Map([['a', 12]]));
    expect(budgets.drainUnshared(1)).toEqual(new Map([['quiet', 2]]));
    // The counts that the store gets are not touched.
    expect(budgets.drainCounts(0)).toEqual(
      new Map([
        ['a', 12],
        ['quiet', 2],
      ]),
    );
  });

  it('are lowered to what other edges leave, never raised, and owe at most a minute', () => {
    const budgets = new RequestBudgets(60);
    const budget = budgets.hold('a', 0);
    budgets.lowerTo('a', 1, 0);
    budgets.lowerTo('a', 40, 0);
    budgets.lowerTo('unknown', 1, 0);
    expect(pass(budget, 5, 0)).toBe(1);
    budgets.lowerTo('a', -1_000_000, 0);
    expect(pass(budget, 5, 60_000)).toBe(0);
    expect(pass(budget, 5, 61_000)).toBe(1);
  });

  it('are shared by all previews of a team', () => {
    const budgets = new RequestBudgets(2);
    const first = budgets.hold('a', 0);
    expect(budgets.hold('a', 0)).toBe(first);
    expect(pass(first, 3, 0)).toBe(2);
    expect(pass(budgets.hold('b', 0), 3, 0)).toBe(2);
  });

  it('report how many requests passed since the last report', () => {
    const budgets = new RequestBudgets(2);
    pass(budgets.hold('a', 0), 3, 0);
    budgets.hold('idle', 0);
    expect(budgets.drainCounts(0)).toEqual(new Map([['a', 2]]));
    expect(budgets.drainCounts(0)).toEqual(new Map());
  });

  it('count without refusing when there is no limit', () => {
    const budgets = new RequestBudgets(0);
    const budget = budgets.hold('a', 0);
    expect(pass(budget, 1000, 0) + pass(budget, 1000, 250)).toBe(2000);
    expect(budgets.drainCounts(250)).toEqual(new Map([['a', 2000]]));
  });

  // If a used-up budget were forgotten, the next request would get a full one.
  it('are forgotten only when no route holds them and they are full', () => {
    const budgets = new RequestBudgets(60);
    const budget = budgets.hold('a', 0);
    pass(budget, 60, 0);
    budget.holders--;
    budgets.drainCounts(30_000);
    expect(budgets.hold('a', 30_000)).toBe(budget);
    budgets.drainCounts(60_000);
    expect(budgets.hold('a', 60_000)).toBe(budget);
    budget.holders = 0;
    budgets.drainCounts(60_000);
    expect(budgets.hold('a', 60_000)).not.toBe(budget);
  });
});
