import type { InterceptInfo } from '@culvert/meeting-point';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MANAGER_ID, TestCulvert } from '../spec/test-culvert.js';
import { createCulvertApi, createHttpClient } from './culvert-api.js';
import { InterceptReports } from './intercept-reports.js';

let culvert: TestCulvert;
let wanted: InterceptInfo[];
let ids: Map<string, string | null>;
let lines: { level: string; msg: string; reason?: string }[];
let running: InterceptReports[];

beforeEach(async () => {
  culvert = await TestCulvert.start();
  culvert.keys.set('key', { team: 'ours', scopes: [] });
  wanted = [];
  ids = new Map();
  lines = [];
  running = [];
});
afterEach(async () => {
  for (const reports of running) reports.stop();
  await culvert.close();
});

function intercept(id: string, changes: Partial<InterceptInfo> = {}): InterceptInfo {
  return {
    id,
    name: 'orders',
    workload: 'orders',
    namespace: 'shop',
    kind: 'Deployment',
    port: '',
    headers: [
      { name: 'x-dev', value: 'alice' },
      { name: 'x-b', pattern: 'f.*' },
    ],
    targetHost: '127.0.0.1',
    targetPort: 3000,
    client: 'alice@laptop',
    disposition: 'ACTIVE',
    message: '',
    culvertId: null,
    ...changes,
  };
}

function start(clientGraceMs = 0): InterceptReports {
  const write = (line: string): void => {
    lines.push(JSON.parse(line));
    culvert.notify();
  };
  const log = pino({}, { write });
  // This test's calls only: the last call of an earlier test may still be in progress.
  const known = ids;
  const reports = new InterceptReports(
    {
      api: createCulvertApi(culvert.url, () => Promise.resolve('key'), createHttpClient()),
      list: () => wanted,
      setCulvertId: (id, culvertId) => {
        known.set(id, culvertId);
        culvert.notify();
      },
      clientGraceMs,
    },
    log,
  );
  running.push(reports);
  reports.handleConnected('session');
  return reports;
}

const stored = () => [...culvert.intercepts.values()];

describe('reports to Culvert', () => {
  it('write an intercept with its headers, disposition and the id inside the cluster', async () => {
    wanted = [intercept('a')];
    const reports = start();
    await culvert.until(() => ids.has('a'));
    expect(stored()).toMatchObject([
      {
        trafficManagerId: MANAGER_ID,
        workload: 'orders',
        workloadKind: 'Deployment',
        client: 'alice@laptop',
        mechanism: 'http',
        disposition: 'ACTIVE',
        headers: { 'x-dev': 'alice', 'x-b': 'f.*' },
        metadata: { 'culvert/cluster-intercept': 'a' },
      },
    ]);
    expect(ids.get('a')).toBe(stored()[0].id);
    expect(reports.trafficManagerId).toBe(MANAGER_ID);
  });

  it('follow changes, and delete removed intercepts', async () => {
    wanted = [intercept('a')];
    const reports = start();
    await culvert.until(() => stored().length === 1);
    wanted = [intercept('a', { disposition: 'NO_CLIENT', message: 'away' })];
    reports.handleChange();
    await culvert.until(() => stored()[0]['disposition'] === 'NO_CLIENT');
    wanted = [];
    reports.handleChange();
    await culvert.until(() => stored().length === 0);
    expect(culvert.calls.at(-1)).toMatch(/^DELETE/);
  });

  it('write nothing twice', async () => {
    wanted = [intercept('a')];
    const reports = start();
    await culvert.until(() => ids.has('a'));
    reports.handleConnected('session');
    await culvert.until(() => culvert.calls.filter((call) => call === 'GET /intercepts').length === 2);
    expect(culvert.calls.filter((call) => !call.startsWith('GET'))).toEqual(['POST /intercepts']);
  });

  it('adopt after a restart what the previous process wrote', async () => {
    wanted = [intercept('a')];
    start().handleChange();
    await culvert.until(() => ids.has('a'));
    const before = ids.get('a');
    running[0].stop();
    ids = new Map();
    start();
    await culvert.until(() => ids.has('a'));
    expect(ids.get('a')).toBe(before);
    expect(stored()).toHaveLength(1);
  });

  it('leave intercepts of others alone, and keep those that clients may still resume', async () => {
    culvert.intercepts.set('other', { id: 'other', ...described('other'), metadata: {} });
    culvert.intercepts.set('old', {
      id: 'old',
      ...described('old'),
      metadata: { 'culvert/cluster-intercept': 'a' },
    });
    const reports = start(60_000);
    wanted = [intercept('b')];
    reports.handleChange();
    await culvert.until(() => ids.has('b'));
    wanted = [];
    reports.handleChange();
    await culvert.until(() => stored().length === 2);
    expect(stored().map(({ id }) => id)).toEqual(['other', 'old']);
  });

  it('delete intercepts that were not resumed within the grace period', async () => {
    culvert.intercepts.set('other', { id: 'other', ...described('other'), metadata: {} });
    culvert.intercepts.set('old', {
      id: 'old',
      ...described('old'),
      metadata: { 'culvert/cluster-intercept': 'a' },
    });
    start();
    await culvert.until(() => stored().length === 1);
    expect(stored()[0].id).toBe('other');
  });

  it('write again what was deleted in Culvert', async () => {
    wanted = [intercept('a')];
    const reports = start();
    await culvert.until(() => ids.has('a'));
    const before = ids.get('a');
    culvert.intercepts.clear();
    wanted = [intercept('a', { disposition: 'NO_AGENT' })];
    reports.handleChange();
    await culvert.until(() => ids.get('a') !== before);
    expect(stored()).toHaveLength(1);
  });

  it('catch up when Culvert is reachable again', async () => {
    wanted = [intercept('a')];
    const reports = start();
    await culvert.until(() => ids.has('a'));
    await culvert.close();
    wanted = [intercept('a'), intercept('b', { name: 'other' })];
    reports.handleChange();
    await culvert.open();
    await culvert.until(() => ids.has('b'));
    expect(stored()).toHaveLength(2);
  });

  it('name the missing scopes of the key, and then retry slowly', async () => {
    culvert.failWith = 403;
    const reports = start();
    await culvert.until(() => lines.length > 0);
    expect(lines).toMatchObject([
      {
        msg: 'cannot report intercepts to Culvert',
        advice: 'the key needs the scopes sessions:read, intercepts:read and intercepts:write',
      },
    ]);
    reports.handleChange();
    expect(reports.dueInMs()).toBeGreaterThan(20_000);
  });
});

function described(name: string): Record<string, unknown> {
  const { headers: _, ...fields } = intercept(name);
  return { ...fields, servicePortIdentifier: '', headers: {}, trafficManagerId: MANAGER_ID };
}
