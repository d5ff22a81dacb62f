import {
  interceptResource,
  meResource,
  pageOf,
  previewResource,
  ProblemError,
  toProblem,
  trafficManagerPage,
} from '@culvert/contract';
import { createLoopbackClient, TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient, type ApiClientOptions, type ApiReadings } from './api-client.js';
import { keyCredential, type Credential } from './credential.js';
import type { ApiFailure } from './failure.js';
import { ReadError } from './read.js';

const READINGS = {
  getMe: meResource.pick({ team: true, scopes: true }),
  getIntercept: interceptResource.pick({ id: true }),
  listIntercepts: pageOf(interceptResource.pick({ id: true })),
  listTrafficManagers: trafficManagerPage,
  updatePreview: previewResource.pick({ id: true }),
} as const satisfies ApiReadings;

const ME = { team: { id: 't1', name: 'Shop' }, scopes: ['tunnel'] };

/** The error that a program throws for a failure. */
class Failed extends Error {
  constructor(readonly failure: ApiFailure) {
    super(failure.kind);
  }
}

describe(ApiClient.name, () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.close());

  const clientOf = (change: Partial<ApiClientOptions<typeof READINGS>> = {}) =>
    new ApiClient({
      url: server.url,
      http: createLoopbackClient(),
      credential: keyCredential(() => Promise.resolve('key-12345')),
      readings: READINGS,
      toError: (failure) => new Failed(failure),
      timeoutMs: 5000,
      maxResponseBytes: 100_000,
      ...change,
    });
  const failureOf = async (pending: Promise<unknown>): Promise<ApiFailure> => {
    const error: unknown = await pending.then(
      () => 'no failure',
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Failed);
    return (error as Failed).failure;
  };

  it('sends the operation to its route, with path parameters, query and body where they belong', async () => {
    server.always(200, { id: 'a/b' });
    const client = clientOf({ url: `${server.url}/culvert//`, userAgent: 'test/1' });
    expect(await client.call('updatePreview', { previewId: 'a/b', body: { access: 'public' } })).toEqual({
      id: 'a/b',
    });
    server.always(200, { items: [], nextCursor: null });
    await client.call('listIntercepts', { query: { trafficManagerId: 'x y', limit: 3, cursor: undefined } });
    expect(server.seen).toEqual([
      {
        method: 'PATCH',
        path: '/culvert/api/v1/previews/a%2Fb',
        authorization: 'Bearer key-12345',
        body: '{"access":"public"}',
      },
      {
        method: 'GET',
        path: '/culvert/api/v1/intercepts?trafficManagerId=x+y&limit=3',
        authorization: 'Bearer key-12345',
        body: '',
      },
    ]);
  });

  it('resolves with nothing for an operation that is answered without a body', async () => {
    server.answer = (_seen, response) => void response.writeHead(204).end();
    expect(await clientOf().call('deletePreview', { previewId: 'p1' })).toBeUndefined();
    expect(server.seen).toMatchObject([{ method: 'DELETE', path: '/api/v1/previews/p1' }]);
  });

  it('understands a server that is newer, and one that lacks what the program does not read', async () => {
    server.always(200, { ...ME, scopes: ['tunnel', 'moon:read'], mood: 'fine' });
    expect(await clientOf().call('getMe')).toEqual({ ...ME, scopes: ['tunnel', 'moon:read'] });
  });

  it('collects all pages of a list', async () => {
    server.answer = ({ path }, response) => {
      const cursor = new URL(path, server.url).searchParams.get('cursor');
      const nextCursor = cursor === null ? 'a&b' : null;
      response.end(JSON.stringify({ items: [{ id: cursor ?? 'first' }], nextCursor }));
    };
    expect(await clientOf().list('listIntercepts', { query: { trafficManagerId: 'm1' } })).toEqual([
      { id: 'first' },
      { id: 'a&b' },
    ]);
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/api/v1/intercepts?trafficManagerId=m1&limit=200',
      '/api/v1/intercepts?trafficManagerId=m1&limit=200&cursor=a%26b',
    ]);
  });

  it('gives up a list that is longer than its limit', async () => {
    server.always(200, { items: [{ id: 'a' }, { id: 'b' }], nextCursor: 'again' });
    expect(await failureOf(clientOf({ maxItems: 5 }).list('listIntercepts'))).toMatchObject({
      kind: 'not-culvert',
      call: 'GET /api/v1/intercepts',
      cause: new ReadError([], 'has more than 5 items'),
    });
    expect(server.seen).toHaveLength(3);
  });

  it('repeats a request exactly once when the credential was renewed', async () => {
    const secrets = ['old', 'new'];
    const refused: string[] = [];
    const credential: Credential = {
      secret: () => Promise.resolve(secrets[refused.length] ?? ''),
      renew: async (secret) => refused.push(secret) > 0,
    };
    server.always(401, toProblem(new ProblemError('unauthenticated'), '1'));
    const failure = await failureOf(clientOf({ credential }).call('getMe'));
    expect(failure).toMatchObject({ kind: 'problem', status: 401, problem: { code: 'unauthenticated' } });
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer old', 'Bearer new']);
    expect(refused).toEqual(['old']);
  });

  it('reports the problem of a refusal, and when to try again', async () => {
    const problem = toProblem(new ProblemError('too_many_requests', { detail: 'slowly' }), '1');
    server.always(429, problem, { 'retry-after': '17' });
    expect(await failureOf(clientOf().call('getMe'))).toEqual({
      kind: 'problem',
      call: 'GET /api/v1/me',
      status: 429,
      problem,
      retryAfterSeconds: 17,
    });
  });

  it('understands a problem whose code it does not know', async () => {
    const problem = { ...toProblem(new ProblemError('not_found'), '1'), code: 'on_the_moon' };
    server.always(404, problem);
    expect(await failureOf(clientOf().call('getMe'))).toMatchObject({ kind: 'problem', problem });
  });

  it.each<[string, number, unknown, Record<string, string>, object]>([
    ['a page', 200, '<html>', {}, { status: 200, location: null }],
    ['an empty body', 200, '', {}, { status: 200 }],
    [
      'JSON that lacks a field',
      200,
      { team: ME.team },
      {},
      { cause: new ReadError(['scopes'], 'must be a list') },
    ],
    ['an error of a proxy', 503, '<html>', {}, { status: 503 }],
    ['an error that is not a problem document', 404, { error: 'nope' }, {}, { status: 404 }],
    [
      'a redirect',
      302,
      '',
      { location: 'https://a.example/' },
      { status: 302, location: 'https://a.example/' },
    ],
  ])(
    'reports that %s is not an answer of Culvert, and follows nothing',
    async (_name, status, body, headers, expected) => {
      server.always(status, body, headers);
      const failure = await failureOf(clientOf().call('getMe'));
      expect(failure).toMatchObject({ kind: 'not-culvert', call: 'GET /api/v1/me', ...expected });
      expect(server.seen).toHaveLength(1);
    },
  );

  it('gives up a response that is longer than its limit', async () => {
    server.answer = (_seen, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => void (response.destroyed || response.write(chunk, more));
      more();
    };
    const failure = await failureOf(clientOf().call('getMe'));
    expect(failure).toMatchObject({ kind: 'no-response', cause: { kind: 'too-large' } });
  });

  it('gives up a response that does not end within its time', async () => {
    server.answer = (_seen, response) => void response.write('{');
    const failure = await failureOf(clientOf({ timeoutMs: 50 }).call('getMe'));
    expect(failure).toMatchObject({ kind: 'no-response', cause: { kind: 'timeout' } });
  });

  it('ends calls under way with the reason of its signal', async () => {
    const interruption = new AbortController();
    const reason = new Error('interrupted');
    server.answer = () => interruption.abort(reason);
    await expect(clientOf({ signal: interruption.signal }).call('getMe')).rejects.toBe(reason);
  });

  it('passes on why a credential cannot be read', async () => {
    const reason = new Error('no such file');
    const credential = keyCredential(() => Promise.reject(reason));
    await expect(clientOf({ credential }).call('getMe')).rejects.toBe(reason);
    expect(server.seen).toEqual([]);
  });

  it('hands a response that is not JSON to a receiver, and reads a refusal as a problem', async () => {
    const parts: string[] = [];
    const onData = (part: Uint8Array): void => void parts.push(Buffer.from(part).toString());
    server.always(200, 'at,actor\n', { 'content-type': 'text/csv' });
    const query = { action: 'preview.create' };
    await clientOf().stream('exportAuditEvents', { query }, { onData });
    expect(parts.join('')).toBe('at,actor\n');
    expect(server.seen).toMatchObject([{ path: '/api/v1/audit-events/export?action=preview.create' }]);
    server.always(403, toProblem(new ProblemError('insufficient_scope'), 'request-1'));
    const failure = await failureOf(clientOf().stream('exportAuditEvents', {}, { onData }));
    expect(failure).toMatchObject({ kind: 'problem', problem: { code: 'insufficient_scope' } });
  });

  it('ends a stream by its signal, and with the error of its receiver', async () => {
    server.answer = (_seen, response) => void response.write('event: ready\ndata: {}\n\n');
    const ended = new AbortController();
    const onData = (): void => ended.abort(new Error('enough'));
    await expect(clientOf().stream('watchChanges', {}, { onData, signal: ended.signal })).rejects.toThrow(
      'enough',
    );
    const fault = new TypeError('the receiver failed');
    const throwing = (): never => {
      throw fault;
    };
    await expect(clientOf().stream('watchChanges', {}, { onData: throwing })).rejects.toBe(fault);
  });

  it('ends a stream that is silent for too long', async () => {
    server.answer = (_seen, response) => void response.write(':\n\n');
    const pending = clientOf().stream('watchChanges', {}, { onData: () => {}, idleMs: 200 });
    expect(await failureOf(pending)).toMatchObject({ kind: 'no-response' });
  });
});
