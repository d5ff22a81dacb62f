import type { ServerResponse } from 'node:http';
import { createHttpClient } from '@culvert/client';
import { ProblemError, toProblem } from '@culvert/contract';
import { keyCredential } from '@culvert/api-client';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../api.js';
import type { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { follow, type LiveEvent } from './follow.js';

describe(follow.name, () => {
  let server: TestServer;
  let ended: AbortController;
  const events: LiveEvent[] = [];
  const notes: string[] = [];
  beforeEach(async () => {
    server = await TestServer.start();
    ended = new AbortController();
    events.length = notes.length = 0;
  });
  afterEach(async () => {
    ended.abort(new Error('the test is over'));
    await server.close();
  });

  const start = (): Promise<CliError> => {
    const { signal } = ended;
    const bearer = keyCredential(() => Promise.resolve('key-12345'));
    const http = createHttpClient(undefined);
    const api = createApi({ url: server.url, http, bearer, signInHint: '', signal });
    const note = (text: string): void => void notes.push(text);
    const pending = follow({ of: 'changes' }, { api, signal, onEvent: (event) => events.push(event), note });
    return pending.catch((error: unknown) => error as CliError);
  };
  const send = (response: ServerResponse, name: string, data: object | string): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: ${name}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  };
  const readyThen = (act: (response: ServerResponse, connection: number) => void): void => {
    let connections = 0;
    server.answer = (_seen, response) => {
      send(response, 'ready', {});
      act(response, ++connections);
    };
  };

  it('connects again after an interruption, and says so once', async () => {
    const held: ServerResponse[] = [];
    readyThen((response) => void held.push(response));
    const pending = start();
    await expect.poll(() => events.length).toBe(1);
    // Twice, the second time before it is ready again.
    server.answer = (_seen, response) => {
      readyThen((next) => void held.push(next));
      response.destroy();
    };
    held[0]?.destroy();
    await expect.poll(() => events.map(({ name }) => name)).toEqual(['ready', 'ready', 'reset']);
    held[1]?.write('event: change\ndata: {"id":"a"}\n\n');
    await expect.poll(() => events.at(-1)).toEqual({ name: 'change', data: { id: 'a' } });
    expect(notes).toEqual([expect.stringContaining('Lost the connection'), 'Reconnected.']);
    ended.abort(new Error('enough'));
    expect(await pending).toMatchObject({ message: 'enough' });
  });

  it('puts events together whatever parts they arrive in', async () => {
    readyThen((response) => {
      const text = 'event: change\ndata: {"id":"ü"}\n\n';
      for (const byte of Buffer.from(text)) response.write(Buffer.from([byte]));
    });
    void start();
    await expect.poll(() => events.at(-1)).toEqual({ name: 'change', data: { id: 'ü' } });
  });

  it.each([
    ['access_ended', EXIT.notSignedIn],
    ['gone', EXIT.notFound],
  ])('ends when the stream ends with %s', async (reason, exitCode) => {
    readyThen((response) => void response.end(`event: end\ndata: {"reason":"${reason}"}\n\n`));
    expect(await start()).toMatchObject({ exitCode });
  });

  it('connects again when the server asks for it', async () => {
    readyThen((response, connection) => {
      if (connection === 1) response.end('event: end\ndata: {"reason":"interrupted"}\n\n');
    });
    void start();
    await expect.poll(() => events.map(({ name }) => name)).toEqual(['ready', 'ready', 'reset']);
    expect(notes).toEqual([]);
  });

  it('ends at once if the first attempt fails, or if the credential lacks permission', async () => {
    server.always(503, 'down', { 'content-type': 'text/plain' });
    expect(await start()).toMatchObject({ exitCode: EXIT.unreachable });
    let held: ServerResponse | undefined;
    readyThen((response) => (held = response));
    const pending = start();
    await expect.poll(() => events.length).toBe(1);
    server.always(403, toProblem(new ProblemError('insufficient_scope'), 'request-1'));
    held?.destroy();
    expect(await pending).toMatchObject({ exitCode: EXIT.refused });
  });

  it.each([
    ['not JSON', 'event: change\ndata: {\n\n'],
    ['an end without a reason', 'event: end\ndata: {}\n\n'],
    ['an event without an end', `data: ${'x'.repeat(5 * 1024 * 1024)}`],
  ])('treats what Culvert does not send as an interruption: %s', async (_name, text) => {
    readyThen((response) => void response.write(text));
    void start();
    await expect.poll(() => notes[0]).toContain('does not answer as expected');
  });
});
