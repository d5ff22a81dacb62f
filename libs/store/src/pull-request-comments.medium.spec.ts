import { createTestDatabase } from '@culvert/testkit';
import type { Preview, PullRequestComment } from '@culvert/domain';
import { beforeEach, expect, it } from 'vitest';
import { createPreview, createTenant, describeOnEveryDatabase, type Tenant } from './spec/databases.js';

const URL = 'https://github.com/acme/shop/pull/12';
const LEASE_MS = 60_000;

describeOnEveryDatabase('pull request comments', createTestDatabase, (context) => {
  let tenant: Tenant;
  let now: Date;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    now = new Date(Date.now() + 1000);
  });

  const later = (ms: number): Date => new Date(now.getTime() + ms);
  const preview = (change: Partial<Preview> = {}) =>
    createPreview(context.store, tenant, { pullRequestUrl: URL, ...change });

  const commentsOf = (...previews: Preview[]): Promise<PullRequestComment[]> =>
    context.store.pullRequestComments.findByPreviews(
      tenant.team.id,
      previews.map(({ id }) => id),
    );

  /** Reconciles, and reports the due comment of `shown` as published. Returns it as it was claimed. */
  async function publish(shown: Preview, at = now): Promise<PullRequestComment | undefined> {
    const { pullRequestComments } = context.store;
    await pullRequestComments.reconcile(at);
    const due = await pullRequestComments.claimDue(at, LEASE_MS, 100);
    const claimed = due.find(({ previewId }) => previewId === shown.id);
    if (claimed) {
      const comment = { id: '7', url: `${URL}#7` };
      await pullRequestComments.recordPublished(claimed.id, { revision: claimed.revision, comment, at });
    }
    return claimed;
  }

  it('begins one comment for each preview with a pull request, however often it checks', async () => {
    const shown = await preview();
    const silent = await createPreview(context.store, tenant, { pullRequestUrl: null });
    const expired = await preview({ expiresAt: new Date(0) });
    const { pullRequestComments } = context.store;
    await Promise.all([
      pullRequestComments.reconcile(now),
      pullRequestComments.reconcile(now),
      pullRequestComments.reconcile(now),
    ]);
    expect(await commentsOf(shown, silent, expired)).toMatchObject([
      { previewId: shown.id, isLive: true, status: 'pending', hostname: shown.hostname, attempts: 0 },
    ]);
    const other = await createTenant(context.store);
    expect(await pullRequestComments.findByPreviews(other.team.id, [shown.id])).toEqual([]);
  });

  it('gives each comment to one process at a time, and again when that one does not report in time', async () => {
    const shown = await preview();
    const { pullRequestComments } = context.store;
    await pullRequestComments.reconcile(now);
    const claims = await Promise.all([1, 2, 3].map(() => pullRequestComments.claimDue(now, LEASE_MS, 100)));
    expect(claims.flat().filter(({ previewId }) => previewId === shown.id)).toHaveLength(1);
    const again = await pullRequestComments.claimDue(later(LEASE_MS), LEASE_MS, 100);
    expect(again).toContainEqual(expect.objectContaining({ previewId: shown.id, attempts: 2 }));
  });

  it('publishes the end of a preview that expires or is removed, and then drops the comment', async () => {
    const shown = await preview({ expiresAt: later(10_000) });
    expect(await publish(shown)).toMatchObject({ isLive: true });
    expect(await publish(shown)).toBeUndefined();
    expect(await publish(shown, later(10_000))).toMatchObject({ isLive: false, commentId: '7' });
    expect(await commentsOf(shown)).toHaveLength(1);
    await context.store.previews.remove(tenant.team.id, shown.id);
    expect(await publish(shown, later(20_000))).toBeUndefined();
    expect(await commentsOf(shown)).toEqual([]);
  });

  it('publishes nothing for a preview that was gone before the first attempt', async () => {
    const shown = await preview();
    await context.store.pullRequestComments.reconcile(now);
    await context.store.previews.remove(tenant.team.id, shown.id);
    expect(await publish(shown, later(1))).toBeUndefined();
    expect(await commentsOf(shown)).toEqual([]);
  });

  it('still publishes the end when the outcome of an attempt is unknown', async () => {
    const shown = await preview();
    await context.store.pullRequestComments.reconcile(now);
    await context.store.pullRequestComments.claimDue(now, LEASE_MS, 100);
    await context.store.previews.remove(tenant.team.id, shown.id);
    expect(await publish(shown, later(1))).toBeUndefined();
    expect(await publish(shown, later(LEASE_MS))).toMatchObject({ isLive: false, commentId: null });
  });

  it('moves to another pull request with its preview', async () => {
    const shown = await preview();
    await publish(shown);
    const elsewhere = 'https://github.com/acme/shop/pull/13';
    await context.store.previews.update(tenant.team.id, shown.id, { pullRequestUrl: elsewhere });
    await context.store.pullRequestComments.reconcile(now);
    const comments = await commentsOf(shown);
    expect(comments).toHaveLength(2);
    expect(comments).toContainEqual(expect.objectContaining({ pullRequestUrl: URL, isLive: false }));
    expect(comments).toContainEqual(expect.objectContaining({ pullRequestUrl: elsewhere, isLive: true }));
  });

  it('follows the session of the traffic manager: ended when it is, live when it is back', async () => {
    const shown = await preview();
    await publish(shown);
    const register = () =>
      context.store.sessions.register(tenant.team.id, {
        identity: { managerId: tenant.manager.managerId, clusterId: '', name: 'm', version: '' },
        kind: 'native',
        credential: { kind: 'api-key', apiKeyId: tenant.apiKey.id },
        edgeId: 'e',
        remoteAddress: '::1',
        instanceId: 'process-1',
        at: now,
      });
    const { session } = await register();
    expect(await publish(shown)).toBeUndefined();
    await context.store.sessions.end(tenant.team.id, session.id, 'over', now);
    expect(await publish(shown)).toMatchObject({ isLive: false });
    await register();
    expect(await publish(shown)).toMatchObject({ isLive: true });
  });

  it('does not count a publication for a later revision', async () => {
    const shown = await preview({ expiresAt: later(10_000) });
    const { pullRequestComments } = context.store;
    await pullRequestComments.reconcile(now);
    const claimed = (await pullRequestComments.claimDue(now, LEASE_MS, 100)).find(
      ({ previewId }) => previewId === shown.id,
    )!;
    await pullRequestComments.reconcile(later(10_000));
    const comment = { id: '7', url: URL };
    await pullRequestComments.recordPublished(claimed.id, { revision: 1, comment, at: now });
    expect(await commentsOf(shown)).toMatchObject([
      { status: 'pending', revision: 2, publishedRevision: 1, commentId: '7' },
    ]);
  });

  it('keeps a failure until its retry is due, or until everything is tried again', async () => {
    const shown = await preview();
    const { pullRequestComments } = context.store;
    await pullRequestComments.reconcile(now);
    const isDue = async (at: Date) =>
      (await pullRequestComments.claimDue(at, 0, 100)).some(({ previewId }) => previewId === shown.id);
    expect(await isDue(now)).toBe(true);
    const [{ id }] = await commentsOf(shown);
    const failure = { status: 'failed', detail: 'no such pull request', at: now } as const;
    await pullRequestComments.recordFailure(id, { ...failure, nextAttemptAt: later(5000) });
    expect(await commentsOf(shown)).toMatchObject([{ status: 'failed', detail: 'no such pull request' }]);
    expect(await isDue(later(4999))).toBe(false);
    await pullRequestComments.retryAll(now);
    expect(await isDue(now)).toBe(true);
  });
});
