import { randomBytes } from 'node:crypto';
import type { WorkloadIdentity } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createMember,
  createTenant,
  describeOnEveryDatabase,
  registration,
  type Tenant,
} from './spec/databases.js';

describeOnEveryDatabase('workload identities', createTestDatabase, (context) => {
  let tenant: Tenant;
  let identity: WorkloadIdentity;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    const draft = {
      name: 'CI',
      platform: 'github',
      issuer: 'https://token.actions.githubusercontent.com',
      audience: 'https://culvert.example.com',
      conditions: [{ claim: 'repository', values: ['acme/shop'] }],
      scopes: ['tunnel'],
      tokenLifetimeSeconds: 60,
      isEnabled: true,
    } as const;
    const { by } = await createMember(context.store, tenant.team.id, 'owner');
    identity = await context.store.workloadIdentities.create(tenant.team.id, draft, { by, max: 10 });
  });

  /** Issues a token, and returns its hash. */
  async function issue(max = 10, now = new Date()) {
    const hash = randomBytes(32).toString('hex');
    const draft = { subject: 'repo:acme/shop', hint: 'cvtw_abc', hash, now, max };
    const issued = await context.store.workloadIdentities.issueToken(identity, draft);
    return { hash, id: issued?.token.id, revokedApiKeyIds: issued?.revokedApiKeyIds };
  }
  const find = (hash: string) => context.store.apiKeys.findByHash(hash);

  it('end their oldest token when another one would exceed the limit', async () => {
    const [first, second] = [await issue(2), await issue(2)];
    expect([first.revokedApiKeyIds, second.revokedApiKeyIds]).toEqual([[], []]);
    const third = await issue(2);
    expect(third.revokedApiKeyIds).toEqual([first.id]);
    expect((await find(first.hash))?.revokedAt).not.toBeNull();
    expect((await find(second.hash))?.revokedAt).toBeNull();
  });

  describe('the sweep of ended tokens', () => {
    const sweep = (before: Date) => context.store.workloadIdentities.removeEndedTokens(before);

    it('removes tokens that ended before, and no others', async () => {
      const yesterday = new Date(Date.now() - 86_400_000);
      const [old, working] = [await issue(10, yesterday), await issue()];
      await sweep(new Date(Date.now() - 3_600_000));
      expect(await find(old.hash)).toBeNull();
      expect(await find(working.hash)).toMatchObject({ id: working.id });
    });

    it('keeps the token of a session, and keys that people made', async () => {
      const { hash, id } = await issue();
      const credential = { kind: 'api-key', apiKeyId: id ?? '' } as const;
      await context.store.sessions.register(tenant.team.id, registration(tenant, { credential }));
      await sweep(new Date(Date.now() + 86_400_000));
      expect(await find(hash)).toMatchObject({ id });
      expect(await context.store.apiKeys.find(tenant.team.id, tenant.apiKey.id)).not.toBeNull();
    });
  });
});
