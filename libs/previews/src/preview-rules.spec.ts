import {
  AuditLog,
  type AuditEventDraft,
  HostnameTakenError,
  type Preview,
  type PreviewRepository,
  TeamLimitError,
} from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import { type NewPreview, PreviewRules } from './preview-rules.js';

const PREVIEW: Preview = {
  id: 'p',
  teamId: 't',
  hostname: 'quiet-heron.preview.test',
  interceptId: 'i',
  trafficManagerId: 'm',
  ingress: {
    host: 'web',
    port: 80,
    useTls: false,
    l5Host: 'web',
    verifyTls: true,
    protocol: 'http1',
    addressedAs: 'l5host',
  },
  access: 'team',
  allowedEmails: [],
  allowedDomains: [],
  displayBanner: true,
  allowUpgrades: false,
  pullRequestUrl: null,
  addRequestHeaders: { 'x-key': 'one' },
  expiresAt: null,
  idleExpirySeconds: null,
  endsWithSession: false,
  keep: null,
  lastUsedAt: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};
const FIELDS = PREVIEW as NewPreview;
const BY = { teamId: 't', actor: { kind: 'system', id: null, address: null } } as const;

describe(PreviewRules.name, () => {
  let recorded: AuditEventDraft[];
  /** Announcements: hostnames that changed, and changes of resources as `resource change`. */
  let announced: string[];

  beforeEach(() => {
    recorded = [];
    announced = [];
  });

  function rulesOn(repository: Partial<PreviewRepository>): PreviewRules {
    const announcer = {
      changed: ({ resource, change }: { resource: string; change: string }) =>
        void announced.push(`${resource} ${change}`),
      previewsChanged: async (hostnames: readonly string[]) => void announced.push(...hostnames),
      previewsRemoved: async (previews: readonly { hostname: string }[]) =>
        void announced.push(...previews.map(({ hostname }) => `${hostname} removed`)),
    };
    const auditEvents = {
      append: async (draft: AuditEventDraft) => ({ id: String(recorded.push(draft)) }),
    };
    return new PreviewRules({
      store: { previews: repository } as never,
      audit: new AuditLog({ auditEvents } as never, announcer),
      announcer,
      previewDomain: 'preview.test',
      maxPreviews: 5,
    });
  }

  it('tries three hostnames if they are taken, and then fails', async () => {
    const tried: string[] = [];
    const rules = rulesOn({
      create: (_teamId, { hostname }) => {
        tried.push(hostname);
        throw new HostnameTakenError(hostname);
      },
    });
    await expect(rules.create(BY, 'i', FIELDS)).rejects.toBeInstanceOf(HostnameTakenError);
    expect(new Set(tried).size).toBe(3);
    expect(recorded).toEqual([]);
    expect(announced).toEqual([]);
  });

  it('uses the second hostname if the first is taken', async () => {
    let isFirst = true;
    const rules = rulesOn({
      create: async (_teamId, draft) => {
        if (!isFirst) return { ...PREVIEW, hostname: draft.hostname };
        isFirst = false;
        throw new HostnameTakenError(draft.hostname);
      },
    });
    const made = await rules.create(BY, 'i', FIELDS);
    expect(made).toMatchObject({
      ok: true,
      preview: { hostname: expect.stringMatching(/\.preview\.test$/) },
    });
    expect(announced.at(-1)).toBe('audit-event created');
  });

  it('returns a reason if the team is full or the intercept is gone, and records nothing', async () => {
    const full = rulesOn({
      create: () => Promise.reject(new TeamLimitError('previews', 5)),
      restore: () => Promise.reject(new TeamLimitError('previews', 5)),
    });
    expect(await full.create(BY, 'i', FIELDS)).toEqual({ ok: false, reason: 'limit-reached' });
    expect(await full.restore(BY, 'i')).toEqual({ ok: false, reason: 'limit-reached' });
    const gone = rulesOn({ create: async () => null, restore: async () => null });
    expect(await gone.create(BY, 'i', FIELDS)).toEqual({ ok: false, reason: 'not-found' });
    expect(await gone.restore(BY, 'i')).toEqual({ ok: false, reason: 'not-found' });
    expect([recorded, announced]).toEqual([[], []]);
  });

  it('does not restore a preview whose hostname another intercept has now', async () => {
    const rules = rulesOn({ restore: () => Promise.reject(new HostnameTakenError('x.preview.test')) });
    expect(await rules.restore(BY, 'i')).toEqual({ ok: false, reason: 'not-found' });
  });

  /* Values of headers are not recorded, so a change of one left no trace at all. */
  it('records the change of a header’s value by its name alone', async () => {
    const rules = rulesOn({
      find: async () => PREVIEW,
      update: async (_teamId, _id, change) => ({ ...PREVIEW, ...change }),
    });
    await rules.update(BY, 'p', { addRequestHeaders: { 'x-key': 'two' }, displayBanner: true });
    expect(recorded).toMatchObject([
      {
        action: 'preview.update',
        before: { addRequestHeaders: ['x-key'] },
        after: { addRequestHeaders: ['x-key'] },
      },
    ]);
    expect(Object.keys(recorded[0].after ?? {})).toEqual(['addRequestHeaders']);
    expect(announced).toEqual([PREVIEW.hostname, 'preview updated', 'audit-event created']);
  });

  it('announces an update without changes, but does not record it', async () => {
    const rules = rulesOn({ find: async () => PREVIEW, update: async () => PREVIEW });
    await rules.update(BY, 'p', { displayBanner: true });
    expect(announced).toEqual([PREVIEW.hostname]);
    expect(recorded).toEqual([]);
  });

  it('announces a removal to edges, traffic manager and watchers', async () => {
    const rules = rulesOn({ remove: async () => PREVIEW });
    await rules.remove(BY, 'p');
    expect(announced).toEqual([
      `${PREVIEW.hostname} removed`,
      'preview removed',
      'audit-event created',
      'intercept updated',
    ]);
    expect(recorded).toMatchObject([{ action: 'preview.delete', before: { expiresAt: null } }]);
  });
});
