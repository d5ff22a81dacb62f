import { randomUUID } from 'node:crypto';
import {
  HOSTNAME_MEMORY_MS,
  HostnameTakenError,
  type PreviewRequest,
  type RequestedPreview,
  TeamLimitError,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createTenant,
  describeOnEveryDatabase,
  interceptDraft,
  interceptId,
  previewDraft,
  registration,
  type Tenant,
} from './spec/databases.js';

/** A time after all requests of these tests. */
const LATER = new Date('2100-01-01T00:00:00Z');

describeOnEveryDatabase('previews that traffic managers ask for', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;
  let request: PreviewRequest;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    request = requestOf({});
  });

  function requestOf(change: Partial<PreviewRequest>): PreviewRequest {
    const { trafficManagerId: _id, ...intercept } = interceptDraft(tenant, { name: `web-${randomUUID()}` });
    return {
      managerId: randomUUID(),
      managerName: 'Telepresence',
      interceptId: interceptId(),
      intercept,
      preview: previewDraft({ hostname: `${randomUUID()}.preview.test` }),
      maxPreviews: 100,
      at: new Date(),
      ...change,
    };
  }

  /** As after a restart of the traffic manager: new ids, the same person and workload. */
  const again = (change: Partial<PreviewRequest> = {}): PreviewRequest => ({
    ...request,
    managerId: randomUUID(),
    interceptId: interceptId(),
    preview: { ...request.preview, hostname: `${randomUUID()}.preview.test` },
    ...change,
  });

  async function open(asked: PreviewRequest, team = teamId): Promise<RequestedPreview> {
    const opened = await context.store.requestedPreviews.open(team, asked);
    if (typeof opened === 'string') throw new Error(opened);
    return opened;
  }

  const connect = (managerId: string) =>
    context.store.sessions.register(teamId, {
      ...registration(tenant, { kind: 'telepresence' }),
      identity: { managerId, clusterId: '', name: '', version: '' },
    });

  it('creates traffic manager, intercept and preview at once', async () => {
    const { preview, before } = await open(request);
    expect(before).toBeNull();
    expect(preview).toMatchObject({ ...request.preview, interceptId: request.interceptId });
    expect(await context.store.trafficManagers.find(teamId, preview.trafficManagerId)).toMatchObject({
      managerId: request.managerId,
      kind: 'telepresence',
    });
    expect(await context.store.requestedPreviews.list(teamId, preview.trafficManagerId)).toMatchObject([
      { intercept: { ...request.intercept, id: request.interceptId }, previews: [{ id: preview.id }] },
    ]);
  });

  it('renews the preview when it is requested again', async () => {
    const first = await open(request);
    const second = await open({
      ...request,
      preview: { ...request.preview, hostname: 'other.preview.test', displayBanner: false },
    });
    expect(second.before).toEqual(first.preview);
    expect(second.preview).toMatchObject({
      id: first.preview.id,
      hostname: first.preview.hostname,
      displayBanner: false,
    });
  });

  it('refuses an intercept of another traffic manager, and does not change it', async () => {
    await open(request);
    const thief = { ...request, managerId: randomUUID(), intercept: { ...request.intercept, workload: 'x' } };
    expect(await context.store.requestedPreviews.open(teamId, thief)).toBe('intercept-taken');
    expect((await context.store.intercepts.find(teamId, request.interceptId))?.workload).toBe('orders');
  });

  it('refuses a preview beyond the limit, and creates nothing', async () => {
    await open(request);
    const beyond = requestOf({ maxPreviews: 1 });
    expect(await context.store.requestedPreviews.open(teamId, beyond)).toBe('limit-reached');
    expect(await context.store.intercepts.find(teamId, beyond.interceptId)).toBeNull();
  });

  it('reports that a new hostname is taken', async () => {
    const { preview } = await open(request);
    const asked = requestOf({});
    await expect(
      open({ ...asked, preview: { ...asked.preview, hostname: preview.hostname } }),
    ).rejects.toBeInstanceOf(HostnameTakenError);
  });

  it("returns the same person's old hostname for a week", async () => {
    const { requestedPreviews } = context.store;
    const { hostname } = (await open(request)).preview;
    expect(await requestedPreviews.close(teamId, request.managerId, hostname, LATER)).toMatchObject({
      hostname,
    });
    const week = HOSTNAME_MEMORY_MS;
    const second = again({ at: new Date(Date.now() + week - 60_000) });
    expect((await open(second)).preview.hostname).toBe(hostname);
    await requestedPreviews.closeIntercept(teamId, second.managerId, second.interceptId, LATER);
    const third = again({ at: new Date(Date.now() + week + 60_000) });
    expect((await open(third)).preview.hostname).toBe(third.preview.hostname);
  });

  it.each(['client', 'workload', 'namespace', 'name'] as const)(
    'does not give the hostname to a request with another %s',
    async (field) => {
      const { hostname } = (await open(request)).preview;
      await context.store.requestedPreviews.close(teamId, request.managerId, hostname, LATER);
      const asked = again({ intercept: { ...request.intercept, [field]: 'another' } });
      expect((await open(asked)).preview.hostname).toBe(asked.preview.hostname);
    },
  );

  it('gives the hostname to no other team', async () => {
    const { hostname } = (await open(request)).preview;
    await context.store.requestedPreviews.close(teamId, request.managerId, hostname, LATER);
    const other = await createTenant(context.store);
    const asked = again();
    expect((await open(asked, other.team.id)).preview.hostname).toBe(asked.preview.hostname);
  });

  it('takes the hostname from a traffic manager that is gone, never from a connected one', async () => {
    const old = await open(request);
    const { tunnel } = await connect(request.managerId);
    const beside = again();
    expect((await open(beside)).preview.hostname).toBe(beside.preview.hostname);
    await context.store.tunnels.close([{ ...tunnel, receivedBytes: 0, sentBytes: 0 }], new Date());
    const heir = again();
    expect((await open(heir)).preview.hostname).toBe(old.preview.hostname);
    expect(await context.store.previews.find(teamId, old.preview.id)).toBeNull();
  });

  it('moves the hostname to a new intercept of the same traffic manager', async () => {
    const old = await open(request);
    await connect(request.managerId);
    const heir = await open(again({ managerId: request.managerId }));
    expect(heir.preview.hostname).toBe(old.preview.hostname);
  });

  it.each([
    ['the preview', (id: RequestedPreview) => context.store.previews.remove(teamId, id.preview.id)],
    [
      'the intercept',
      (id: RequestedPreview) => context.store.intercepts.remove(teamId, id.preview.interceptId),
    ],
    [
      'the traffic manager',
      (id: RequestedPreview) => context.store.trafficManagers.remove(teamId, id.preview.trafficManagerId),
    ],
  ])('remembers the hostname when a person removes %s, until it expires', async (_what, remove) => {
    const opened = await open(request);
    const { forgetHostnames } = context.store.requestedPreviews;
    const forget = forgetHostnames.bind(context.store.requestedPreviews);
    await forget(new Date(Date.now() + 1000));
    await remove(opened);
    const second = await open(again());
    expect(second.preview.hostname).toBe(opened.preview.hostname);
    for (const id of [request.interceptId, second.preview.interceptId])
      await context.store.intercepts.remove(teamId, id);
    expect(await forget(new Date(Date.now() + 1000))).toBe(1);
    const third = again();
    expect((await open(third)).preview.hostname).toBe(third.preview.hostname);
  });

  describe('a preview that a person removed while its manager keeps showing it', () => {
    const removedOf = async ({ interceptId: id }: { readonly interceptId: string }) =>
      (await context.store.intercepts.find(teamId, id))?.removedPreview ?? null;

    async function remove(): Promise<RequestedPreview['preview']> {
      const { preview } = await open(request);
      const changed = await context.store.previews.update(teamId, preview.id, {
        access: 'public',
        expiresAt: new Date('2020-01-01T00:00:00Z'),
        ingress: { ...preview.ingress, port: 8443 },
      });
      await context.store.previews.remove(teamId, preview.id);
      return changed!;
    }

    it('comes back with its hostname and settings when it is restored, once, and does not expire', async () => {
      const removed = await remove();
      expect(await removedOf(request)).toMatchObject({ hostname: removed.hostname });
      const restored = await context.store.previews.restore(teamId, request.interceptId, 1);
      const { id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...settings } = removed;
      expect(restored).toMatchObject({ ...settings, expiresAt: null });
      expect(restored?.id).not.toBe(removed.id);
      expect(await removedOf(request)).toBeNull();
      expect(await context.store.previews.restore(teamId, request.interceptId, 2)).toBeNull();
      // Its hostname is in use, and is kept when it is removed again.
      await context.store.requestedPreviews.forgetHostnames(LATER);
      await context.store.previews.remove(teamId, restored!.id);
      expect(await removedOf(request)).toMatchObject({ hostname: removed.hostname });
    });

    it('does not count beyond the limit of the team', async () => {
      await remove();
      await open(requestOf({}));
      await expect(context.store.previews.restore(teamId, request.interceptId, 1)).rejects.toBeInstanceOf(
        TeamLimitError,
      );
      expect(await removedOf(request)).not.toBeNull();
    });

    it('comes back when its manager requests it again, even after its hostname expired', async () => {
      const { hostname } = await remove();
      const { requestedPreviews } = context.store;
      await requestedPreviews.forgetHostnames(LATER);
      const asked = {
        ...request,
        preview: again().preview,
        at: new Date(Date.now() + 2 * HOSTNAME_MEMORY_MS),
      };
      expect(await open(asked)).toMatchObject({ before: null, preview: { hostname, access: 'team' } });
      expect(await removedOf(request)).toBeNull();
    });

    it('is dropped by its hostname, which then expires', async () => {
      const { hostname } = await remove();
      const { requestedPreviews } = context.store;
      const { interceptId: id } = request;
      const other = await createTenant(context.store);
      expect(await requestedPreviews.dropRemoved(other.team.id, id, hostname)).toBe(false);
      expect(await requestedPreviews.dropRemoved(teamId, id, 'other.preview.test')).toBe(false);
      expect(await requestedPreviews.forgetHostnames(LATER)).toBe(0);
      expect(await requestedPreviews.dropRemoved(teamId, id, hostname)).toBe(true);
      expect(await context.store.previews.restore(teamId, id, 10)).toBeNull();
      expect(await requestedPreviews.forgetHostnames(LATER)).toBe(1);
    });

    it('is not restored for another team, or while another intercept has its hostname', async () => {
      const { hostname } = await remove();
      const other = await createTenant(context.store);
      expect(await context.store.previews.restore(other.team.id, request.interceptId, 10)).toBeNull();
      expect((await open(again())).preview.hostname).toBe(hostname);
      await expect(context.store.previews.restore(teamId, request.interceptId, 10)).rejects.toBeInstanceOf(
        HostnameTakenError,
      );
    });

    it('is restored once by two concurrent requests', async () => {
      await remove();
      const restore = () => context.store.previews.restore(teamId, request.interceptId, 10);
      const restored = await Promise.all([restore(), restore()]);
      expect(restored.filter((each) => each !== null)).toHaveLength(1);
    });

    it('is not kept when its hostname was never given to a manager', async () => {
      const { preview } = await open(request);
      const own = await context.store.previews.create(
        teamId,
        previewDraft({ interceptId: request.interceptId, hostname: `${randomUUID()}.preview.test` }),
      );
      await context.store.previews.remove(teamId, own!.id);
      expect(await removedOf(preview)).toBeNull();
    });

    it('is not kept when the manager itself removes it', async () => {
      const { preview } = await open(request);
      const { managerId } = request;
      await context.store.requestedPreviews.close(teamId, managerId, preview.hostname, LATER);
      expect(await removedOf(request)).toBeNull();
    });
  });

  /*
   * Calls that remove are answered before their work is done. A preview that was requested meanwhile, with the same id and
   * hostname, was removed with the previous one.
   */
  it('does not close what was requested again after the call', async () => {
    const { requestedPreviews } = context.store;
    const calledAt = new Date();
    const { hostname } = (await open({ ...request, at: calledAt })).preview;
    const { preview, before } = await open({ ...request, at: new Date(calledAt.getTime() + 1) });
    expect([preview.hostname, before?.id]).toEqual([hostname, preview.id]);
    const { managerId } = request;
    expect(await requestedPreviews.close(teamId, managerId, hostname, calledAt)).toBeNull();
    expect(
      await requestedPreviews.closeIntercept(teamId, managerId, request.interceptId, calledAt),
    ).toBeNull();
    expect(await context.store.previews.find(teamId, preview.id)).not.toBeNull();
    // Its hostname is not marked as free.
    await requestedPreviews.forgetHostnames(LATER);
    const closed = await requestedPreviews.close(
      teamId,
      managerId,
      hostname,
      new Date(calledAt.getTime() + 1),
    );
    expect(closed).toMatchObject({ id: preview.id });
    expect(await requestedPreviews.forgetHostnames(LATER)).toBe(1);
  });

  it('closes what its traffic manager reported on after the call', async () => {
    // Fault: the report of the ingress, written after `telepresence preview remove` was called, kept the preview.
    const { requestedPreviews } = context.store;
    const { managerId } = request;
    const { preview } = await open({ ...request, at: new Date(0) });
    const calledAt = new Date(1);
    const ingress = { ...preview.ingress, host: 'orders', port: 8080 };
    await requestedPreviews.followIngress(teamId, preview.id, ingress);
    const status = {
      disposition: 'WAITING',
      message: 'soon',
      headers: { a: 'b' },
      metadata: { c: 'd' },
    } as const;
    await requestedPreviews.followIntercept(teamId, request.interceptId, status);
    const closed = await requestedPreviews.close(teamId, managerId, preview.hostname, calledAt);
    expect(closed).toMatchObject({ id: preview.id, ingress });
    const left = await requestedPreviews.closeIntercept(teamId, managerId, request.interceptId, calledAt);
    expect(left).toMatchObject({ intercept: status, previews: [] });
  });

  it('closes only what belongs to the calling traffic manager and team', async () => {
    const { requestedPreviews } = context.store;
    const { preview } = await open(request);
    const other = await createTenant(context.store);
    expect(
      await requestedPreviews.close(other.team.id, request.managerId, preview.hostname, LATER),
    ).toBeNull();
    expect(await requestedPreviews.close(teamId, randomUUID(), preview.hostname, LATER)).toBeNull();
    expect(
      await requestedPreviews.close(teamId, request.managerId, 'nothing.preview.test', LATER),
    ).toBeNull();
    expect(
      await requestedPreviews.closeIntercept(other.team.id, request.managerId, request.interceptId, LATER),
    ).toBeNull();
    expect(
      await requestedPreviews.closeIntercept(teamId, randomUUID(), request.interceptId, LATER),
    ).toBeNull();
    expect(await requestedPreviews.close(teamId, request.managerId, 'a\0b', LATER)).toBeNull();
    expect(
      await requestedPreviews.closeIntercept(teamId, request.managerId, request.interceptId, LATER),
    ).toMatchObject({
      intercept: { id: request.interceptId },
      previews: [{ id: preview.id }],
    });
    expect(
      await requestedPreviews.closeIntercept(teamId, request.managerId, request.interceptId, LATER),
    ).toBeNull();
  });

  it('opens one preview for two concurrent requests of the same hostname', async () => {
    const { hostname } = (await open(request)).preview;
    const [a, b] = await Promise.all([open(again()), open(again())]);
    expect([a.preview.hostname, b.preview.hostname]).toContain(hostname);
  });

  it('finds the newest ingress of a service', async () => {
    const { requestedPreviews } = context.store;
    const asked = requestOf({});
    await open(asked);
    const { namespace, serviceName } = asked.intercept;
    expect(await requestedPreviews.findIngress(teamId, namespace, serviceName)).toEqual(
      asked.preview.ingress,
    );
    expect(await requestedPreviews.findIngress(teamId, 'elsewhere', serviceName)).toBeNull();
    const other = await createTenant(context.store);
    expect(await requestedPreviews.findIngress(other.team.id, namespace, serviceName)).toBeNull();
  });

  it('finds traffic managers of a kind that were not seen for long', async () => {
    const { requestedPreviews } = context.store;
    const seen = new Date('2020-01-01T00:00:00Z');
    const { preview } = await open({ ...request, at: seen });
    const found = async (kind: 'native' | 'telepresence', before: Date) =>
      (await requestedPreviews.findAbandoned(kind, before)).map(({ id }) => id);
    const later = new Date(seen.getTime() + 1);
    expect(await found('telepresence', later)).toContain(preview.trafficManagerId);
    expect(await found('telepresence', seen)).not.toContain(preview.trafficManagerId);
    expect(await found('native', new Date())).not.toContain(preview.trafficManagerId);
    await connect(request.managerId);
    expect(await found('telepresence', new Date(Date.now() + 60_000))).not.toContain(
      preview.trafficManagerId,
    );
  });
});
