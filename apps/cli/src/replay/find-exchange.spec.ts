import { createHttpClient } from '@culvert/client';
import { keyCredential } from '@culvert/api-client';
import { ProblemError, toProblem } from '@culvert/contract';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findExchange } from './find-exchange.js';

const HELD = [
  '0198c7f2-4b1e-4c3a-9d52-6f1e0a7b8c9d',
  '0198c7f2-4b1f-4c3a-9d52-6f1e0a7b8c9d',
  '5198c7f2-4b1e-4c3a-9d52-6f1e0a7b8c9d',
];

describe(findExchange.name, () => {
  let server: TestServer;
  let kept: { readonly status: number; readonly body: unknown };
  let context: CommandContext;
  beforeEach(async () => {
    server = await TestServer.start();
    // Edges send what they hold before and after the stream is ready.
    const events = [['exchange', { id: HELD[0] }], ['ready', {}], ...HELD.map((id) => ['exchange', { id }])];
    kept = { status: 200, body: { items: [], nextCursor: null } };
    server.answer = ({ path }, response) => {
      if (path.includes('/kept-exchanges')) {
        const type = kept.status === 200 ? 'application/json' : 'application/problem+json';
        response.writeHead(kept.status, { 'content-type': type }).end(JSON.stringify(kept.body));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [name, data] of events)
        response.write(`event: ${name as string}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const bearer = keyCredential(() => Promise.resolve('key-12345'));
    const { signal } = new AbortController();
    const http = createHttpClient(undefined);
    const api = createApi({ url: server.url, http, bearer, signInHint: '', signal });
    context = { api, signal, output: { note: () => {} } } as unknown as CommandContext;
  });
  afterEach(() => server.close());

  it.each([
    ['5198c7f2', HELD[2]],
    ['5198C7F2-4b1e', HELD[2]],
    ['0198c7f2-4b1f', HELD[1]],
  ])('finds the exchange of the prefix %s among those that Culvert holds', async (prefix, id) => {
    expect(await findExchange(context, 'preview', prefix)).toBe(id);
  });

  it('finds an exchange that is only kept', async () => {
    const id = '7198c7f2-4b1e-4c3a-9d52-6f1e0a7b8c9d';
    const times = { startedAt: '2030-01-01T12:00:00.000Z', expiresAt: '2030-01-02T12:00:00.000Z' };
    const omitted = { kind: 'omitted', ...times, omitted: 3, hasBodies: false, exchange: null, bodies: null };
    const items = [
      { ...omitted, id: '7198c7f2-0000-4c3a-9d52-6f1e0a7b8c9d' },
      { ...omitted, id, kind: 'exchange', omitted: 0 },
    ];
    kept = { status: 200, body: { items, nextCursor: null } };
    expect(await findExchange(context, 'preview', '7198c7f2')).toBe(id);
  });

  it('explains why an exchange is gone where the server cannot keep any', async () => {
    const id = '01890000-0000-7000-8000-000000000000';
    const body = toProblem(new ProblemError('keeping_not_available'), id);
    kept = { status: body.status, body };
    await expect(findExchange(context, 'preview', '9999c7f2')).rejects.toMatchObject({
      exitCode: EXIT.notFound,
      hint: expect.stringContaining('only while "culvert inspect" or the inspector watches'),
    });
  });

  it('asks no one about an id in full', async () => {
    await server.close();
    expect(await findExchange(context, 'preview', HELD[0])).toBe(HELD[0]);
  });

  it.each([
    ['0198c7f2', EXIT.usage, 'your team has 2 exchanges that match 0198c7f2'],
    ['0198c7', EXIT.notFound, 'your team has no exchange 0198c7'],
    ['9999c7f2', EXIT.notFound, 'your team has no exchange 9999c7f2'],
    ['exchange-1', EXIT.notFound, 'your team has no exchange exchange-1'],
  ])('refuses %s', async (prefix, exitCode, message) => {
    await expect(findExchange(context, 'preview', prefix)).rejects.toMatchObject({
      exitCode,
      message,
      hint: expect.stringContaining('at least 8 characters'),
    });
  });
});
