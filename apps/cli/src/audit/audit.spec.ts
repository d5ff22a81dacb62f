import type { ServerResponse } from 'node:http';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError } from '../cli-error.js';
import { runCulvert } from '../command.js';
import { EXIT } from '../exit-code.js';
import { TestStream } from '../spec/test-terminal.js';

/** Moment of an event, in seconds after the first one. */
const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1000).toISOString();

const eventOf = (id: string, seconds: number) => ({
  id,
  at: at(seconds),
  actor: { kind: 'user', id: 'u1', name: 'ann', address: null },
  action: 'preview.create',
  summary: `did ${id}`,
  targetId: id,
  targetName: null,
  current: null,
  before: null,
  after: null,
});

const PROBLEM_CODES: Readonly<Record<number, string>> = { 429: 'too_many_requests', 503: 'unavailable' };

describe('culvert audit --follow', () => {
  let server: TestServer;
  let events: ReturnType<typeof eventOf>[];
  let stream: ServerResponse | undefined;
  let ended: AbortController;
  beforeEach(async () => {
    server = await TestServer.start();
    events = [];
    stream = undefined;
    ended = new AbortController();
    server.answer = ({ path }, response) => {
      if (path.startsWith('/api/v1/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('event: ready\ndata: {}\n\n');
        stream = response;
        return;
      }
      const { searchParams } = new URL(path, server.url);
      const begin = Number(searchParams.get('cursor') ?? 0);
      const end = begin + Number(searchParams.get('limit'));
      // Newest first.
      const items = events.toSorted((a, b) => b.at.localeCompare(a.at)).slice(begin, end);
      response.end(JSON.stringify({ items, nextCursor: end < events.length ? String(end) : null }));
    };
  });
  afterEach(() => server.close());

  const start = (...flags: string[]) => {
    const stdout = new TestStream();
    const env = { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' };
    const exitCode = runCulvert(['audit', '--follow', ...flags], {
      env,
      stdin: process.stdin,
      stdout,
      stderr: new TestStream(),
      signal: ended.signal,
    });
    const shown = () => [...stdout.text.matchAll(/did (\S+)/g)].map(([, id]) => id);
    return { exitCode, shown };
  };
  const tell = () => stream?.write('event: change\ndata: {"resource":"audit-event","id":"x"}\n\n');

  it('begins with the last events, oldest first, and shows each new one once', async () => {
    events = Array.from({ length: 300 }, (_, i) => eventOf(`e${i}`, i));
    const { exitCode, shown } = start('--limit', '2');
    await expect.poll(shown).toEqual(['e298', 'e299']);
    events.push(eventOf('new', 400));
    tell();
    await expect.poll(shown).toEqual(['e298', 'e299', 'new']);
    // A transaction that began before may be recorded after.
    events.push(eventOf('late', 395));
    tell();
    await expect.poll(shown).toEqual(['e298', 'e299', 'new', 'late']);
    ended.abort(new CliError(EXIT.interrupted, 'interrupted'));
    expect(await exitCode).toBe(EXIT.ok);
  });

  it('shows what was recorded while the stream was interrupted', async () => {
    const { exitCode, shown } = start();
    await expect.poll(() => stream).toBeDefined();
    events.push(eventOf('missed', 1));
    stream?.destroy();
    await expect.poll(shown).toEqual(['missed']);
    ended.abort(new CliError(EXIT.terminated, 'terminated'));
    expect(await exitCode).toBe(EXIT.ok);
  });

  it.each([429, 503])('continues after the log could not be read for a moment (%i)', async (status) => {
    const answer = server.answer;
    let failures = 0;
    server.answer = (request, response) => {
      if (request.path.startsWith('/api/v1/events') || failures === 2) return answer(request, response);
      failures++;
      response.writeHead(status, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({ type: '/x', title: 'Wait', status, code: PROBLEM_CODES[status], instance: 'i' }),
      );
    };
    events.push(eventOf('first', 1));
    const { exitCode, shown } = start();
    await expect.poll(shown).toEqual(['first']);
    expect(failures).toBe(2);
    ended.abort(new CliError(EXIT.terminated, 'terminated'));
    expect(await exitCode).toBe(EXIT.ok);
  });

  it('shows all events of a long outage', async () => {
    events = [eventOf('known', 0)];
    const { exitCode, shown } = start();
    await expect.poll(shown).toEqual(['known']);
    events.push(...Array.from({ length: 1500 }, (_, i) => eventOf(`e${i}`, i + 1)));
    stream?.destroy();
    await expect.poll(() => shown().length, { timeout: 5000 }).toBe(1501);
    expect(shown().slice(0, 2)).toEqual(['known', 'e0']);
    ended.abort(new CliError(EXIT.terminated, 'terminated'));
    expect(await exitCode).toBe(EXIT.ok);
  });

  it('ends with an error when the log can no longer be read', async () => {
    const { exitCode, shown } = start();
    events.push(eventOf('first', 1));
    await expect.poll(() => stream).toBeDefined();
    tell();
    await expect.poll(shown).toEqual(['first']);
    server.always(403, { type: '/x', title: 'No', status: 403, code: 'insufficient_scope', instance: 'i' });
    tell();
    expect(await exitCode).toBe(EXIT.refused);
  });
});
