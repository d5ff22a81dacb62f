import { type ManagerIdentity, ManagerIdTakenError } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createTenant,
  describeOnEveryDatabase,
  identity,
  registration,
  type Tenant,
} from './spec/databases.js';

describeOnEveryDatabase('the cluster of a traffic manager', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;
  let who: ManagerIdentity;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    who = { ...identity(), clusterId: 'east' };
  });

  const register = async (clusterId: string, remoteAddress = '192.0.2.1') =>
    (
      await context.store.sessions.register(
        teamId,
        registration(tenant, { identity: { ...who, clusterId }, remoteAddress }),
      )
    ).session;

  const storedCluster = async (trafficManagerId: string) =>
    (await context.store.trafficManagers.find(teamId, trafficManagerId))?.clusterId;

  describe('that is connected', () => {
    it('is not replaced: a traffic manager of another cluster is refused, and changes nothing', async () => {
      const first = await register('east', '192.0.2.7');
      const before = await context.store.trafficManagers.find(teamId, first.trafficManagerId);
      const refusal: unknown = await register('west').catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(ManagerIdTakenError);
      expect((refusal as ManagerIdTakenError).holder).toMatchObject({
        id: first.trafficManagerId,
        clusterId: 'east',
        remoteAddress: '192.0.2.7',
      });
      expect(await context.store.trafficManagers.find(teamId, first.trafficManagerId)).toEqual(before);
      expect(await context.store.sessions.find(teamId, first.id)).toMatchObject({
        state: 'connected',
        remoteAddress: '192.0.2.7',
      });
    });

    it('shares its session with traffic managers of the same cluster, and with those that name none', async () => {
      const first = await register('east');
      expect((await register('east')).id).toBe(first.id);
      expect((await register('')).id).toBe(first.id);
      // The one that named none did not make room for another cluster.
      expect(await storedCluster(first.trafficManagerId)).toBe('east');
      await expect(register('west')).rejects.toThrow(ManagerIdTakenError);
    });

    it('is recorded once a traffic manager names it', async () => {
      const first = await register('');
      expect((await register('east')).id).toBe(first.id);
      expect(await storedCluster(first.trafficManagerId)).toBe('east');
    });

    it('belongs to one of two clusters that register a new traffic manager at once', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => register(n % 2 === 0 ? 'east' : 'west')),
      );
      const inside = outcomes.filter(({ status }) => status === 'fulfilled');
      expect(inside).toHaveLength(4);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ManagerIdTakenError);
    });

    it('does not concern another team that uses the same id', async () => {
      await register('east');
      const other = await createTenant(context.store);
      const elsewhere = registration(other, { identity: { ...who, clusterId: 'west' } });
      const { session } = await context.store.sessions.register(other.team.id, elsewhere);
      expect(session.state).toBe('connected');
    });
  });

  describe('that has left', () => {
    it('may be followed by another one', async () => {
      const first = await register('east');
      await context.store.sessions.end(teamId, first.id, 'moved', new Date());
      const second = await register('west');
      expect(second.trafficManagerId).toBe(first.trafficManagerId);
      expect(await storedCluster(first.trafficManagerId)).toBe('west');
    });
  });
});
