/**
 * Bodies were parsed before the caller was known: 1.5 MiB of JSON took 150 to 230 ms of CPU, in standalone on the
 * thread of all previews.
 */
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { CULVERT_CLIENT_ID, generateApiKeySecret } from '@culvert/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';
import { MAX_ANONYMOUS_BODY_BYTES } from './body-gate.middleware.js';

const LONG = MAX_ANONYMOUS_BODY_BYTES + 1;
const REPLAYS = '/api/v1/previews/nothing/replays';

describe('a long body', () => {
  let api: TestApi;
  let team: TestTeam;
  let person: TestPerson;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    person = await api.person('ada@example.test', [[team.teamId, 'owner']]);
  });
  afterAll(() => api.close());

  /** Sends the head of a request, and as much of its body. Resolves with the status and the value of `Retry-After`. */
  async function answerTo(
    path: string,
    headers: Record<string, string>,
    body = '',
  ): Promise<[number, string | undefined]> {
    const { port } = api.app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const lines = Object.entries({ Host: 'localhost', 'Content-Type': 'application/json', ...headers });
    socket.write(
      `POST ${path} HTTP/1.1\r\n${lines.map((line) => `${line.join(': ')}\r\n`).join('')}\r\n${body}`,
    );
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    const head = chunk.toString('latin1');
    return [Number(head.slice(9, 12)), /^retry-after: (\d+)/im.exec(head)?.[1]];
  }

  const announced = { 'Content-Length': String(LONG) };
  const chunked = { 'Transfer-Encoding': 'chunked' };

  it.each([
    ['that is announced, without a credential', REPLAYS, announced, 401],
    ['in chunks, without a credential', REPLAYS, chunked, 401],
    [
      'that is announced, with an invalid key',
      REPLAYS,
      { ...announced, 'X-Ambassador-Api-Key': 'wrong-key' },
      401,
    ],
    [
      'with an unknown key',
      REPLAYS,
      { ...announced, Authorization: `Bearer ${generateApiKeySecret()}` },
      401,
    ],
    ['with an invalid session', REPLAYS, { ...announced, Cookie: `culvert-session=${'A'.repeat(43)}` }, 401],
    ['in chunks, with an invalid key', REPLAYS, { ...chunked, Authorization: 'Bearer wrong-key' }, 401],
    ['to a public route', '/api/v1/sign-in', announced, 413],
  ])('gets its response before it is sent: a body %s', async (_, path, headers, status) => {
    expect((await answerTo(path, { 'X-Forwarded-For': '198.51.100.1', ...headers }))[0]).toBe(status);
  });

  it('is read from known callers', async () => {
    const name = 'x'.repeat(LONG);
    expect((await team.post('/api-keys', { name })).body.code).toBe('validation_failed');
    expect((await person.request('post', '/api-keys').send({ name })).body.code).toBe('validation_failed');
    const program = await api.program(team.teamId, person.user.id, new Date(), CULVERT_CLIENT_ID);
    const byProgram = await api
      .http()
      .post('/api/v1/api-keys')
      .set('Authorization', `Bearer ${program.accessToken}`)
      .send({ name });
    expect(byProgram.body.code).toBe('validation_failed');
  });

  it('to a public route is cut off when it comes in chunks', async () => {
    const text = JSON.stringify({ email: 'x'.repeat(LONG) });
    const body = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    expect((await answerTo('/api/v1/sign-in', chunked, body))[0]).toBe(413);
  });

  it('is counted by network while its credential is invalid', async () => {
    const send = (Authorization: string, address: string) =>
      answerTo(REPLAYS, { ...announced, Authorization, 'X-Forwarded-For': address });
    for (let i = 0; i < 60; i++) expect((await send('Bearer wrong-key', `2001:db8:1:2::${i}`))[0]).toBe(401);
    const [status, retryAfter] = await send('Bearer wrong-key', '2001:db8:1:2::ff');
    expect([status, Number(retryAfter) > 0]).toEqual([429, true]);
    expect((await send('Bearer wrong-key', '2001:db8:1:3::1'))[0]).toBe(401);
  });

  it('is not counted if its credential is valid', async () => {
    for (let i = 0; i < 61; i++)
      expect((await team.post('/api-keys', { name: 'x'.repeat(LONG) })).status).toBe(400);
  });
});
