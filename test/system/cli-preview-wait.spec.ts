/** `culvert preview wait` beside a real deployment: when it ends, with which exit code, and what it leaves behind. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { Visitor } from '../support/consent.js';
import { API_KEY, type Deployment, type Preview, startDeployment } from '../support/deployment.js';

const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };

let deployment: Deployment;
let service: http.Server;
let port: number;
let home: string;
let env: Record<string, string>;
let requests: http.IncomingMessage[];
let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  deployment = await startDeployment({
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
  });
  env = { HOME: home, CULVERT_URL: `http://localhost:${deployment.port}`, CULVERT_API_KEY: API_KEY };
  service = http.createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  port = (service.address() as AddressInfo).port;
  await deployment.startManager();
});
afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  requests = [];
  answer = (_request, response) => void response.end('ready');
});

const wait = (preview: Pick<Preview, 'url'>, ...args: string[]) =>
  runCulvert(['preview', 'wait', preview.url, ...args], { env });
/** Answers with these statuses; the last one repeats. */
const answerWith = (...statuses: number[]) => {
  answer = (_request, response) =>
    void response.writeHead(statuses.length > 1 ? (statuses.shift() ?? 0) : (statuses[0] ?? 0)).end();
};

describe('preview wait', () => {
  it('ends when the service answers with the status, at the path', async () => {
    const preview = await deployment.createPreview(port);
    answerWith(503, 404, 204);
    const run = await wait(preview, '--path', '/health?deep=1', '--status', '204', '-o', 'json');
    expect([run.code, run.stderr]).toEqual([EXIT.ok, '']);
    expect(JSON.parse(run.stdout)).toEqual({
      url: `${preview.url}/health?deep=1`,
      status: 204,
      attempts: 3,
      waitedMs: expect.any(Number),
    });
    expect(requests.map(({ url }) => url)).toEqual(Array(3).fill('/health?deep=1'));
  });

  it('waits for a service that does not listen yet, and does not take errors of Culvert for its answer', async () => {
    const later = http.createServer((_request, response) => void response.writeHead(502).end());
    later.listen(0, '127.0.0.1');
    await once(later, 'listening');
    const { port: laterPort } = later.address() as AddressInfo;
    await new Promise((resolve) => later.close(resolve));
    const preview = await deployment.createPreview(laterPort);
    const waiting = startCulvert(['preview', 'wait', preview.url, '--status', '502'], env);
    await waiting.logged(/^Waiting: Culvert answers with 502 ingress_refused\.$/m);
    later.listen(laterPort, '127.0.0.1');
    expect((await waiting.exited).code).toBe(EXIT.ok);
    expect(waiting.stdout).toMatch(/ answers with 502, after \d/);
    later.closeAllConnections();
    later.close();
  });

  it('does not follow redirects, and does not wait for the end of the body', async () => {
    const preview = await deployment.createPreview(port);
    answer = (_request, response) => {
      response.writeHead(302, { location: '/elsewhere' });
      response.write('first');
    };
    expect((await wait(preview, '--status', '302')).code).toBe(EXIT.ok);
    expect(requests).toHaveLength(1);
  });

  it('opens a private preview with the API key, which the service does not receive', async () => {
    const preview = await deployment.createPreview(port, { access: 'team' });
    expect((await wait(preview)).code).toBe(EXIT.ok);
    expect(JSON.stringify(requests.map(({ rawHeaders }) => rawHeaders))).not.toContain(API_KEY);
  });

  it('opens a private preview for a person who signed in, with a token that is revoked at the end', async () => {
    const url = `http://localhost:${deployment.port}`;
    const visitor = new Visitor(url);
    await visitor.signIn(OWNER.email, OWNER.password);
    const login = startCulvert(['login', '--url', url, '--no-browser'], { HOME: home });
    const [address] = await login.logged(/http:\/\/\S+\/auth\?\S+/);
    await visitor.decide(address, 'allow');
    expect((await login.exited).code).toBe(EXIT.ok);
    const preview = await deployment.createPreview(port, { access: 'team' });
    const tokens = async () =>
      (
        await deployment.api<{ items: { name: string; revokedAt: string | null }[] }>(
          'GET',
          `/previews/${preview.id}/tokens`,
        )
      ).items;

    const run = await runCulvert(['preview', 'wait', preview.url], { env: { HOME: home } });
    expect([run.code, run.stderr]).toEqual([EXIT.ok, '']);
    expect(await tokens()).toEqual([
      expect.objectContaining({ name: 'culvert preview wait', revokedAt: expect.any(String) }),
    ]);

    answerWith(503);
    const waiting = startCulvert(['preview', 'wait', preview.url], { HOME: home });
    await waiting.logged(/^Waiting: .* answers with 503\.$/m);
    waiting.kill('SIGINT');
    expect((await waiting.exited).code).toBe(130);
    expect((await tokens()).filter(({ revokedAt }) => revokedAt === null)).toEqual([]);
  });

  it('exits with 7 after the time limit, and names the last answer', async () => {
    const preview = await deployment.createPreview(port);
    answerWith(404);
    const run = await wait(preview, '--timeout', '1s');
    expect([run.code, run.stdout]).toEqual([EXIT.unreachable, '']);
    expect(run.stderr).toContain('culvert: the preview did not answer with 200 in time\n');
    expect(run.stderr).toContain(`Last attempt: ${preview.url}/ answers with 404.`);
  });

  it('exits with 7 if the service accepts the request and does not answer', async () => {
    const preview = await deployment.createPreview(port);
    answer = () => {};
    const run = await wait(preview, '--timeout', '1s');
    expect([run.code, run.stderr]).toEqual([
      EXIT.unreachable,
      expect.stringContaining('does not answer in time'),
    ]);
  });

  it('exits with 5 if the preview does not exist, or is removed meanwhile', async () => {
    expect((await wait({ url: 'nothing-here' })).code).toBe(EXIT.notFound);
    const preview = await deployment.createPreview(port);
    answerWith(503);
    const waiting = startCulvert(['preview', 'wait', preview.url], env);
    await waiting.logged(/^Waiting: .* answers with 503\.$/m);
    await deployment.api('DELETE', `/previews/${preview.id}`);
    expect((await waiting.exited).code).toBe(EXIT.notFound);
    expect(waiting.stderr).toContain('was removed or has expired');
  });
});
