import type { TrafficDraft } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import { createPreview, createTenant, describeOnEveryDatabase, type Tenant } from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
const minute = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n));

describeOnEveryDatabase('the traffic of previews', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;
  let previewId: string;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    previewId = (await createPreview(context.store, tenant)).id;
  });

  const draft = (change: Partial<TrafficDraft> = {}): TrafficDraft => ({
    teamId,
    previewId,
    minute: minute(1),
    requests: 3,
    clientErrors: 1,
    serverErrors: 1,
    edgeErrors: 0,
    bytesIn: 5_000_000_000,
    bytesOut: 7,
    answers: 2,
    firstByteMsSum: 10.5,
    firstByteMsMax: 8.25,
    ...change,
  });

  it('adds up what several edges count at the same time', async () => {
    const { previewTraffic } = context.store;
    const other = await createPreview(context.store, tenant);
    const drafts = [draft(), draft({ previewId: other.id })];
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => previewTraffic.add(i % 2 === 0 ? drafts : drafts.toReversed())),
    );
    await previewTraffic.add([draft({ minute: minute(2), firstByteMsMax: 9 })]);
    const { teamId: _team, previewId: _preview, ...counts } = draft();
    expect(await previewTraffic.ofPreview(teamId, previewId, minute(1))).toEqual([
      {
        ...counts,
        requests: 24,
        clientErrors: 8,
        serverErrors: 8,
        bytesIn: 40_000_000_000,
        bytesOut: 56,
        answers: 16,
        firstByteMsSum: 84,
      },
      { ...counts, minute: minute(2), firstByteMsMax: 9 },
    ]);
    expect(await previewTraffic.ofPreview(teamId, previewId, minute(2))).toHaveLength(1);
  });

  it('skips removed previews and those of other teams, and shows nothing to other teams', async () => {
    const { previewTraffic } = context.store;
    const other = await createTenant(context.store);
    await previewTraffic.add([draft(), draft({ previewId: UNKNOWN }), draft({ teamId: other.team.id })]);
    expect(await previewTraffic.ofPreview(teamId, previewId, minute(0))).toHaveLength(1);
    expect(await previewTraffic.ofPreview(other.team.id, previewId, minute(0))).toEqual([]);
    const options = { from: minute(0), stepSeconds: 60, maxPreviews: 10 };
    expect(await previewTraffic.ofTeam(other.team.id, options)).toEqual([]);
    await context.store.previews.remove(teamId, previewId);
    expect(await previewTraffic.ofTeam(teamId, options)).toEqual([]);
  });

  it('sums up a team in steps, for its busiest previews', async () => {
    const { previewTraffic } = context.store;
    const quiet = await createPreview(context.store, tenant);
    await previewTraffic.add([
      draft({ minute: minute(0) }),
      draft({ minute: minute(1) }),
      draft({ minute: minute(4), edgeErrors: 2 }),
      draft({ previewId: quiet.id, requests: 1 }),
    ]);
    const options = { from: minute(0), stepSeconds: 120, maxPreviews: 1 };
    expect(await previewTraffic.ofTeam(teamId, options)).toEqual([
      { previewId, index: 0, requests: 6, errors: 4 },
      { previewId, index: 2, requests: 3, errors: 4 },
    ]);
  });

  it('is removed when it is old, a batch at a time', async () => {
    const { previewTraffic } = context.store;
    const old = new Date(Date.UTC(2001, 0, 1));
    await previewTraffic.add([
      draft({ minute: old }),
      draft({ minute: new Date(old.getTime() + 60_000) }),
      draft(),
    ]);
    const before = new Date(Date.UTC(2002, 0, 1));
    expect(await previewTraffic.removeBefore(before, 1)).toBe(1);
    expect(await previewTraffic.removeBefore(before, 10)).toBe(1);
    expect(await previewTraffic.removeBefore(before, 10)).toBe(0);
    expect(await previewTraffic.ofPreview(teamId, previewId, old)).toHaveLength(1);
  });
});
