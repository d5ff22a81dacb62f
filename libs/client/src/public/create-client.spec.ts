import { TestServer } from '@culvert/testkit';
import { ProblemError, ROUTES, toProblem } from '@culvert/contract';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { ClientOperationId } from './client-types.js';
import { CLIENT_OPERATION_IDS, createClient } from './create-client.js';

describe('the client of the API', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.close());
  const clientOf = () => createClient({ url: server.url, apiKey: 'key-12345' });

  it('has a method for each operation that is not a stream or a file', () => {
    const client = clientOf();
    const others = Object.keys(ROUTES).filter((id) => !(id in client));
    expect(others.toSorted()).toEqual([
      'exportAuditEvents',
      'exportKeptExchanges',
      'watchChanges',
      'watchExchanges',
    ]);
    expect([...CLIENT_OPERATION_IDS, ...others].toSorted()).toEqual(Object.keys(ROUTES).toSorted());
    // The types are generated and the methods are not: both have to have the same names.
    expectTypeOf<ClientOperationId>().toEqualTypeOf<
      Exclude<
        keyof typeof ROUTES,
        'exportAuditEvents' | 'exportKeptExchanges' | 'watchChanges' | 'watchExchanges'
      >
    >();
  });

  it('sends path parameters, query and body of an operation to its route', async () => {
    server.always(200, { items: [], nextCursor: null });
    const page = await clientOf().listPreviews({ query: { limit: 3 } });
    expect(page.items).toEqual([]);
    await clientOf().deletePreview({ previewId: 'a/b' });
    expect(server.seen).toMatchObject([
      { method: 'GET', path: '/api/v1/previews?limit=3', authorization: 'Bearer key-12345' },
      { method: 'DELETE', path: '/api/v1/previews/a%2Fb' },
    ]);
  });

  it('collects all pages of a list', async () => {
    server.always(200, { items: [], nextCursor: null });
    expect(await clientOf().all('listPreviews')).toEqual([]);
  });

  it('rejects with the code, the field and the next step of a problem', async () => {
    const errors = [{ pointer: '/ingress/host', message: 'is not a host name' }];
    server.always(422, toProblem(new ProblemError('validation_failed', { errors }), '1'));
    const created = clientOf().createPreview({
      body: { interceptId: 'x', ingress: { host: '', port: 80 } },
    });
    await expect(created).rejects.toMatchObject({
      code: 'usage',
      message: 'ingress.host is not a host name',
      hint: 'Correct the value, or leave it out.',
    });
    server.always(404, toProblem(new ProblemError('not_found'), '1'));
    await expect(clientOf().getMe()).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('removed'),
    });
    server.always(401, toProblem(new ProblemError('unauthenticated'), '1'));
    await expect(clientOf().getMe()).rejects.toMatchObject({
      code: 'not_signed_in',
      hint: expect.stringContaining('apiKey'),
    });
  });

  it('refuses a key that cannot be one', () => {
    expect(() => createClient({ url: server.url, apiKey: 'a b' })).toThrow(
      expect.objectContaining({ code: 'usage', message: 'apiKey is not an API key of Culvert' }),
    );
  });
});
