import { createPreviewRequest } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { ClientError } from '../client-error.js';
import { parseTarget } from '../target/target.js';
import {
  adoptPreview,
  checkPreviewName,
  createExposedPreview,
  defaultPreviewName,
  type PreviewSettings,
  removeExposed,
  wantedPreview,
  withHostHeader,
} from './exposed-preview.js';
import type { PreviewApi } from './preview-api.js';

const settings: PreviewSettings = { access: 'team', banner: true };

describe('an exposed preview', () => {
  it.each([
    ['3000', 'localhost-3000'],
    ['[::1]:3000', '1-3000'],
    ['[::]:3000', 'address-3000'],
    ['https://app.my_team.test', 'app-my-team-test-443'],
    [`${'a.'.repeat(60)}b:1`, `${'a-'.repeat(25)}-1`],
  ])('of %s is called %s', (text, name) => {
    const found = defaultPreviewName(parseTarget(text));
    expect(found.replace(/-+/g, '-')).toBe(name.replace(/-+/g, '-'));
    expect(checkPreviewName(found)).toBe(found);
  });

  it.each(['', '-a', 'a-', 'refuses %j as a name', 'a/b', 'ä', 'a'.repeat(64)])(
    'is not called %j',
    (name) => {
      expect(() => checkPreviewName(name)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it.each(['3000', '[::1]:3000', 'https://app.test'])(
    'has a request that the API accepts, for the target %s',
    (text) => {
      const wanted = wantedPreview(parseTarget(text), {
        ...settings,
        addRequestHeaders: { 'x-dev': 'a' },
        allowUpgrades: true,
        hostHeader: 'b.test',
      });
      expect(createPreviewRequest.parse({ ...wanted, interceptId: 'x' })).toMatchObject({
        ingress: { l5Host: 'b.test' },
        access: 'team',
        allowUpgrades: true,
        addRequestHeaders: { 'x-dev': 'a' },
        expiresAt: null,
      });
    },
  );

  it.each<[string, Partial<PreviewSettings>, string | undefined, string]>([
    ['3000', {}, 'target', 'localhost'],
    ['127.0.0.9:3000', {}, 'target', '127.0.0.9'],
    ['[::1]:3000', {}, 'target', '::1'],
    ['shop.localhost:3000', {}, 'target', 'shop.localhost'],
    ['192.0.2.7:3000', {}, undefined, '192.0.2.7'],
    ['https://shop.test', {}, undefined, 'shop.test'],
    ['https://shop.test', { rewriteOrigin: true }, 'target', 'shop.test'],
    ['3000', { rewriteOrigin: false }, undefined, 'localhost'],
    ['3000', { hostHeader: 'b.test' }, undefined, 'b.test'],
    ['3000', { hostHeader: 'b.test', rewriteOrigin: true }, 'target', 'b.test'],
    ['3000', { hostHeader: 'preview' }, 'preview', 'localhost'],
  ])('of %s with %o is addressed as %s', (text, change, addressedAs, l5Host) => {
    const { ingress } = wantedPreview(parseTarget(text), { ...settings, ...change });
    expect([ingress.addressedAs, ingress.l5Host]).toEqual([addressedAs, l5Host]);
  });

  it('is made without the address by an older server, which learns a host header in its former way', async () => {
    const bodies: unknown[] = [];
    const problem = { errors: [{ pointer: '/ingress', message: 'Unrecognized key: "addressedAs"' }] };
    const api = {
      call: async (id: string, { body }: { body: { ingress: { addressedAs?: string } } }) => {
        bodies.push([id, body.ingress]);
        if (body.ingress.addressedAs !== undefined)
          throw new ClientError('usage', 'not known', { cause: problem });
        const { addressedAs: _unknown, ...ingress } = body.ingress;
        return { id: '1', hostname: 'a.preview.test', ingress };
      },
    } as unknown as PreviewApi;
    const target = parseTarget('3000');
    const wanted = wantedPreview(target, { ...settings, hostHeader: 'preview' });
    const made = await createExposedPreview(api, { trafficManagerId: '1', name: 'a', target, wanted });
    const { addressedAs: _unknown, ...known } = wanted.ingress;
    const complete = await withHostHeader(api, made, { wanted, hostHeader: 'preview' });
    expect(bodies).toEqual([
      ['createPreview', wanted.ingress],
      ['createPreview', known],
      ['updatePreview', { ...known, l5Host: 'a.preview.test' }],
    ]);
    expect(complete.ingress.l5Host).toBe('a.preview.test');
    const refused = new ClientError('usage', 'no', { cause: { errors: [{ pointer: '/access' }] } });
    const others = { call: () => Promise.reject(refused) } as unknown as PreviewApi;
    await expect(
      createExposedPreview(others, { trafficManagerId: '1', name: 'a', target, wanted }),
    ).rejects.toBe(refused);
  });

  it('is made by an older server without each of the newest fields that it does not know', async () => {
    const newest = ['addressedAs', 'allowUpgrades', 'endsWithSession'];
    for (const unknown of [newest, ['endsWithSession'], ['addressedAs', 'allowUpgrades']]) {
      const bodies: Record<string, unknown>[] = [];
      const api = {
        call: async (_id: string, { body }: { body: Record<string, unknown> }) => {
          bodies.push(body);
          const errors = unknown
            .filter((field) => JSON.stringify(body).includes(field))
            .map((field) => ({ pointer: '', message: `Unrecognized key: "${field}"` }));
          if (errors.length > 0) throw new ClientError('usage', 'not known', { cause: { errors } });
          return {};
        },
      } as unknown as PreviewApi;
      const target = parseTarget('3000');
      const wanted = wantedPreview(target, { ...settings, allowUpgrades: true });
      await createExposedPreview(api, { trafficManagerId: '1', name: 'a', target, wanted });
      expect(bodies).toHaveLength(2);
      const sent = newest.filter((field) => JSON.stringify(bodies[1]).includes(field));
      expect(sent).toEqual(newest.filter((field) => !unknown.includes(field)));
      expect(bodies[1]).toMatchObject({ access: wanted.access, ingress: { l5Host: 'localhost' } });
    }
  });

  it('has a protocol, and people who may open it without being members, where they are set', () => {
    const wanted = wantedPreview(parseTarget('3000'), {
      ...settings,
      protocol: 'h2c',
      allowedEmails: ['ann@example.test'],
      allowedDomains: [],
    });
    expect(createPreviewRequest.parse({ ...wanted, interceptId: 'x' })).toMatchObject({
      ingress: { protocol: 'h2c' },
      allowedEmails: ['ann@example.test'],
      allowedDomains: [],
    });
    expect(wantedPreview(parseTarget('3000'), settings)).not.toHaveProperty('allowedEmails');
  });

  it('sends neither allowUpgrades nor endsWithSession when the defaults are wanted', () => {
    const wanted = wantedPreview(parseTarget('3000'), { ...settings, keep: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
    expect(wanted).not.toHaveProperty('endsWithSession');
  });

  it('ends with its session unless kept, and allows no other protocols unless asked', () => {
    const wanted = wantedPreview(parseTarget('3000'), settings);
    expect(wanted).toMatchObject({ endsWithSession: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
  });
});

/** An API that refuses the given operations and records calls. */
function apiThat(refuses: Record<string, ClientError>) {
  const asked: string[] = [];
  const api = {
    call: async (id: string) => {
      asked.push(id);
      if (refuses[id] !== undefined) throw refuses[id];
      return { allowUpgrades: false, endsWithSession: true };
    },
  };
  return { asked, api: api as unknown as PreviewApi };
}

const may = new ClientError('refused', 'not allowed');
const gone = new ClientError('not_found', 'gone');
const away = new ClientError('unreachable', 'away');
const made = { trafficManagerId: '1', previews: [{ id: '2', interceptId: '3' } as never] };

describe('removeExposed', () => {
  it('removes everything at once, or as much as the credential may', async () => {
    const cases: [Record<string, ClientError>, string[]][] = [
      [{}, ['deleteTrafficManager']],
      [{ deleteTrafficManager: gone }, ['deleteTrafficManager']],
      [{ deleteTrafficManager: may }, ['deleteTrafficManager', 'deleteIntercept']],
      [
        { deleteTrafficManager: may, deleteIntercept: may },
        ['deleteTrafficManager', 'deleteIntercept', 'deletePreview'],
      ],
    ];
    for (const [refuses, expected] of cases) {
      const { api, asked } = apiThat(refuses);
      await removeExposed(api, made);
      expect(asked).toEqual(expected);
    }
  });

  it('reports what it could not remove', async () => {
    await expect(removeExposed(apiThat({ deleteTrafficManager: away }).api, made)).rejects.toBe(away);
    const refused = apiThat({ deleteTrafficManager: may, deleteIntercept: may, deletePreview: may }).api;
    await expect(removeExposed(refused, made)).rejects.toBe(may);
  });
});

describe('the preview of an earlier run', () => {
  it('is taken over unless it no longer exists', async () => {
    expect(
      await adoptPreview(apiThat({ getPreview: gone }).api, '1', wantedPreview(parseTarget('1'), settings)),
    ).toBeNull();
    for (const api of [apiThat({ updatePreview: away }).api, apiThat({ getPreview: away }).api])
      await expect(adoptPreview(api, '1', wantedPreview(parseTarget('1'), settings))).rejects.toBe(away);
  });

  /** Adopts a preview that the server shows as `before`. Resolves with the change that was sent. */
  async function changeOf(before: object, change: Partial<PreviewSettings>): Promise<object | undefined> {
    const bodies: (object | undefined)[] = [];
    const api = {
      call: async (_id: string, { body }: { readonly body?: object }) => {
        bodies.push(body);
        return before;
      },
    } as unknown as PreviewApi;
    await adoptPreview(api, '1', wantedPreview(parseTarget('1'), { ...settings, ...change }));
    return bodies.at(-1);
  }

  it('is changed only where it differs, also back to defaults', async () => {
    const before = { allowUpgrades: true, endsWithSession: true };
    expect(await changeOf(before, { keep: true })).toMatchObject({
      allowUpgrades: false,
      endsWithSession: false,
    });
    const change = await changeOf(before, { allowUpgrades: true });
    expect(change).not.toHaveProperty('allowUpgrades');
    expect(change).not.toHaveProperty('endsWithSession');
  });

  it('is not changed in fields that older servers do not know when their default is wanted', async () => {
    const change = await changeOf({}, { keep: true });
    expect(change).not.toHaveProperty('allowUpgrades');
    expect(change).not.toHaveProperty('endsWithSession');
  });
});
