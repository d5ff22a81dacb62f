/** The client of `culvert` and the traffic manager, against the real API. */
import type { AddressInfo } from 'node:net';
import { ApiClient, keyCredential, type ApiFailure, type ApiReadings } from '@culvert/api-client';
import { meResource, previewPage, previewResource, trafficManagerPage } from '@culvert/contract';
import { createLoopbackClient } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from './api-harness.js';

const READINGS = {
  createPreview: previewResource,
  getMe: meResource,
  getPreview: previewResource,
  listPreviews: previewPage,
  listTrafficManagers: trafficManagerPage,
  updatePreview: previewResource,
} as const satisfies ApiReadings;

class Failed extends Error {
  constructor(readonly failure: ApiFailure) {
    super(failure.kind);
  }
}

/** More than one page can contain. */
const TRAFFIC_MANAGERS = 205;

describe('ApiClient against the API', () => {
  let api: TestApi;
  let team: TestTeam;
  let trafficManagerId: string;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    for (let i = 0; i < TRAFFIC_MANAGERS; i++) {
      const draft = { managerId: `m${i}`, name: `cluster ${i}`, clusterId: '' };
      trafficManagerId = (await team.post('/traffic-managers', draft).expect(201)).body.id;
    }
  });
  afterAll(() => api.close());

  const clientOf = (secret = team.secret) => {
    const { port } = api.app.getHttpServer().address() as AddressInfo;
    return new ApiClient({
      url: `http://127.0.0.1:${port}`,
      http: createLoopbackClient(),
      credential: keyCredential(() => Promise.resolve(secret)),
      readings: READINGS,
      toError: (failure) => new Failed(failure),
      timeoutMs: 10_000,
      maxResponseBytes: 1_000_000,
    });
  };

  it('reads the identity of the caller', async () => {
    const { body } = await team.get('/me').expect(200);
    expect(await clientOf().call('getMe')).toEqual(body);
  });

  it('creates, changes, finds and deletes a preview', async () => {
    const client = clientOf();
    const created = await client.call('createPreview', {
      body: {
        trafficManagerId,
        intercept: { name: 'web', workload: 'web' },
        ingress: { host: 'web.default', port: 80 },
      },
    });
    const { id: previewId, interceptId } = created;
    const changed = await client.call('updatePreview', { previewId, body: { access: 'public' } });
    expect(changed).toEqual({ ...created, access: 'public', updatedAt: changed.updatedAt });
    expect(await client.call('getPreview', { previewId })).toEqual(changed);
    expect(await client.list('listPreviews', { query: { interceptId } })).toEqual([changed]);
    expect(await client.call('deletePreview', { previewId })).toBeUndefined();
    expect(await client.list('listPreviews', { query: { interceptId } })).toEqual([]);
  });

  it('collects the pages of a list, each item once', async () => {
    const found = await clientOf().list('listTrafficManagers');
    expect(new Set(found.map(({ managerId }) => managerId)).size).toBe(TRAFFIC_MANAGERS);
    expect(found).toHaveLength(TRAFFIC_MANAGERS);
  });

  it.each([
    ['a key that is unknown', 401, 'unauthenticated', () => clientOf('cvt_unknown').call('getMe')],
    ['an id that is unknown', 404, 'not_found', () => clientOf().call('getPreview', { previewId: 'a/../b' })],
    [
      'a body that breaks a rule',
      400,
      'validation_failed',
      () => clientOf().call('createPreview', { body: { ingress: { host: 'web', port: 70_000 } } }),
    ],
  ])('reports the problem of %s', async (_name, status, code, act) => {
    const error: unknown = await act().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Failed);
    expect((error as Failed).failure).toMatchObject({ kind: 'problem', status, problem: { code } });
  });
});
