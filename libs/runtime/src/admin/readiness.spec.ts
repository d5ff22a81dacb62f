import { describe, expect, it } from 'vitest';
import { Readiness } from './readiness.js';

describe(Readiness.name, () => {
  it('does not wait for a check that does not answer', async () => {
    const readiness = new Readiness(5);
    readiness.addCheck('store', () => new Promise(() => {}));
    readiness.addCheck('bus', async () => {});
    expect(await readiness.report()).toEqual({
      ready: false,
      checks: { store: 'no answer in time', bus: 'ok' },
    });
  });

  it('runs one check of a dependency at a time, however many probes ask', async () => {
    const readiness = new Readiness(5);
    let checks = 0;
    readiness.addCheck('store', () => {
      checks++;
      return new Promise(() => {});
    });
    await Promise.all([readiness.report(), readiness.report()]);
    await readiness.report();
    expect(checks).toBe(1);
  });
});
