import { createHttpClient } from '@culvert/client';
import { keyCredential } from '@culvert/api-client';
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
  let context: CommandContext;
  beforeEach(async () => {
    server = await TestServer.start();
    // Edges send what they hold before and after the stream is ready.
    const events = [['exchange', { id: HELD[0] }], ['ready', {}], ...HELD.map((id) => ['exchange', { id }])];
    server.answer = (_seen, response) => {
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
