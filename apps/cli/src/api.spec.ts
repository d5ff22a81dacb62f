import { createHttpClient } from '@culvert/client';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Credential } from '@culvert/api-client';
import { ERRORS, ProblemError, toProblem, type ErrorCode } from '@culvert/contract';
import { createTestCertificate, TestServer } from '@culvert/testkit';
import https from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from './api.js';
import { serverVersion } from './status/server-version.js';
import type { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { problemCodeOf } from './problem-error.js';

const REQUEST_ID = '01890000-0000-7000-8000-000000000000';
const bearer: Credential = {
  secret: () => Promise.resolve('key-12345'),
  renew: () => Promise.resolve(false),
};
const http = createHttpClient(undefined);
const clientOf = (
  url: string,
  change: { bearer?: Credential; http?: typeof http; signal?: AbortSignal } = {},
) =>
  createApi({
    url,
    http,
    bearer,
    signInHint: 'Run "culvert login".',
    signal: new AbortController().signal,
    ...change,
  });
const failure = (pending: Promise<unknown>): Promise<CliError> =>
  pending.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as CliError,
  );

describe('an API call', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.close());

  const ME = {
    team: { id: 't1', name: 'Shop' },
    role: null,
    scopes: ['tunnel'],
    apiKey: null,
    user: null,
    teams: [],
  };

  it('sends the credential to the configured server, below its path', async () => {
    server.always(200, ME);
    expect(await clientOf(`${server.url}/culvert`).call('getMe')).toEqual(ME);
    expect(server.seen).toMatchObject([
      { method: 'GET', path: '/culvert/api/v1/me', authorization: 'Bearer key-12345' },
    ]);
  });

  it('works without fields that older servers do not send', async () => {
    server.always(200, ME);
    expect(await clientOf(server.url).call('getMe')).toEqual(ME);
    server.always(404, toProblem(new ProblemError('route_not_found'), REQUEST_ID));
    expect(await serverVersion(clientOf(server.url))).toBeNull();
  });

  const answerProblem = (
    code: ErrorCode,
    options: ConstructorParameters<typeof ProblemError>[1] = {},
  ): void => {
    const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
    if (options.retryAfterSeconds !== undefined) headers['retry-after'] = String(options.retryAfterSeconds);
    const problem = toProblem(new ProblemError(code, options), REQUEST_ID);
    server.always(ERRORS[code].status, problem, headers);
  };

  it.each<[ErrorCode, ExitCode, RegExp]>([
    ['validation_failed', EXIT.usage, /not valid/],
    ['traffic_manager_required', EXIT.usage, /--traffic-manager/],
    ['unauthenticated', EXIT.notSignedIn, /culvert login/],
    ['insufficient_scope', EXIT.refused, /culvert whoami/],
    ['not_a_member', EXIT.refused, /invite/],
    ['role_not_permitted', EXIT.refused, /Only an owner.*dashboard/],
    ['not_found', EXIT.notFound, /another team/],
    ['api_key_not_usable', EXIT.conflict, /keys list/],
    ['preview_limit_reached', EXIT.conflict, /preview remove/],
    ['internal_error', EXIT.failure, /01890000-0000-7000-8000-000000000000/],
  ])('that is answered with %s exits with %i and a next step', async (code, exitCode, said) => {
    answerProblem(code);
    const error = await failure(clientOf(server.url).call('getMe'));
    expect([error.exitCode, problemCodeOf(error)]).toEqual([exitCode, code]);
    expect(`${error.message} ${error.hint}`).toMatch(said);
  });

  it('that a sign-in of an owner may not send has a next step that an owner can take', async () => {
    answerProblem('insufficient_scope', { detail: 'this needs the scope team:write' });
    const { hint } = await failure(clientOf(server.url).call('getMe'));
    expect(hint).toMatch(/API key that has the scope.*dashboard.*only the scopes of a member/);
  });

  it('names what does not exist once', async () => {
    answerProblem('not_found', { detail: 'preview 17 does not exist' });
    expect((await failure(clientOf(server.url).call('getMe'))).message).toBe('preview 17 does not exist');
  });

  it('names each broken rule, and when to try again', async () => {
    const errors = [
      { pointer: '/ingress/l5Host', message: 'must be a DNS name' },
      { pointer: '', message: 'must change at least one field' },
    ];
    answerProblem('validation_failed', { errors });
    const { message } = await failure(clientOf(server.url).call('getMe'));
    expect(message).toBe('--ingress-l5host must be a DNS name; must change at least one field');
    answerProblem('too_many_requests', { retryAfterSeconds: 17 });
    const limited = await failure(clientOf(server.url).call('getMe'));
    expect([limited.exitCode, limited.hint]).toEqual([EXIT.conflict, 'Try again in 17 seconds.']);
  });

  it.each<[string, number, string, Record<string, string>, RegExp]>([
    ['a page', 200, '<html>', {}, /the URL of Culvert/],
    ['JSON that is not Culvert’s', 200, '{"hello":"world"}', {}, /the URL of Culvert/],
    ['an error that is not Culvert’s', 404, '{"error":"nope"}', {}, /the URL of Culvert/],
    ['a redirect', 302, '', { location: 'https://a.example/' }, /redirects to https:\/\/a\.example\//],
    ['an error of a proxy', 503, '<html>', {}, /Try again later/],
  ])(
    'reports that the server is not Culvert when it answers with %s',
    async (_name, status, body, headers, hint) => {
      server.always(status, body, headers);
      const error = await failure(clientOf(server.url).call('getMe'));
      expect([error.exitCode, error.message]).toEqual([
        EXIT.unreachable,
        expect.stringContaining('does not answer like Culvert'),
      ]);
      expect(error.hint).toMatch(hint);
      expect(server.seen).toHaveLength(1);
    },
  );

  it('is repeated only once with a renewed credential', async () => {
    const secrets = ['old', 'new'];
    let renewals = 0;
    const renewing: Credential = {
      secret: () => Promise.resolve(secrets[renewals] ?? ''),
      renew: async (secret) => {
        expect(secret).toBe('old');
        renewals++;
        return true;
      },
    };
    answerProblem('unauthenticated');
    const error = await failure(clientOf(server.url, { bearer: renewing }).call('getMe'));
    expect(error.exitCode).toBe(EXIT.notSignedIn);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('is aborted when the person interrupts it', async () => {
    const interruption = new AbortController();
    const reason = new Error('interrupted');
    server.answer = () => interruption.abort(reason);
    await expect(clientOf(server.url, { signal: interruption.signal }).call('getMe')).rejects.toBe(reason);
  });

  it('is aborted when the response has no end', async () => {
    server.answer = (_seen, response) => {
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      const more = (): void => void (response.destroyed || response.write(chunk, more));
      more();
    };
    const error = await failure(clientOf(server.url).call('getMe'));
    expect([error.exitCode, error.message]).toEqual([
      EXIT.unreachable,
      expect.stringContaining('longer than'),
    ]);
  });
});

describe('unreachable server', () => {
  it('reports that nothing listens at the URL', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const error = await failure(clientOf(`http://127.0.0.1:${port}`).call('getMe'));
    expect([error.exitCode, error.message]).toEqual([
      EXIT.unreachable,
      `nothing listens at http://127.0.0.1:${port}`,
    ]);
  });

  it('reports a host name that does not exist', async () => {
    const error = await failure(clientOf('https://culvert.invalid').call('getMe'));
    expect([error.exitCode, error.message]).toEqual([
      EXIT.unreachable,
      'the host name of https://culvert.invalid does not exist',
    ]);
  });

  it('reports connections that are closed, and servers that do not use TLS', async () => {
    const server = createServer((socket) => {
      // A client that receives nonsense may hang up before it has read all of it.
      socket.on('error', () => {}).once('data', () => socket.end('nonsense\r\n\r\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const plain = await failure(clientOf(`http://127.0.0.1:${port}`).call('getMe'));
    expect([plain.exitCode, plain.message]).toEqual([
      EXIT.unreachable,
      expect.stringContaining('cannot be reached'),
    ]);
    const tls = await failure(clientOf(`https://127.0.0.1:${port}`).call('getMe'));
    expect([tls.exitCode, tls.message]).toEqual([
      EXIT.unreachable,
      `https://127.0.0.1:${port} does not speak TLS`,
    ]);
    server.close();
  });

  it('reports a server that uses TLS at an http URL', async () => {
    const server = https.createServer(createTestCertificate(['localhost']));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const error = await failure(clientOf(`http://127.0.0.1:${port}`).call('getMe'));
    expect([error.exitCode, error.hint]).toEqual([EXIT.unreachable, expect.stringContaining('https://')]);
    server.close();
  });

  it('reports an untrusted certificate, until its authority is named', async () => {
    const certificate = createTestCertificate(['localhost']);
    const server = https.createServer(certificate, (_request, response) => response.end('{}'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const error = await failure(clientOf(`https://localhost:${port}`).call('getMe'));
    expect([error.exitCode, error.message, error.hint]).toEqual([
      EXIT.unreachable,
      expect.stringContaining('is not trusted'),
      expect.stringContaining('--ca-file'),
    ]);
    const trusting = createHttpClient(certificate.cert);
    const trusted = await failure(clientOf(`https://localhost:${port}`, { http: trusting }).call('getMe'));
    expect(trusted.message).toContain('does not answer like Culvert');
    server.closeAllConnections();
    server.close();
  });
});
