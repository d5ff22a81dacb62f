import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { InProcessEventBus } from '@culvert/events';
import { previewResource, type PreviewResource } from '@culvert/contract';
import { createLoopbackClient } from '@culvert/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog, loadSettings } from '@culvert/runtime';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { PullRequestComments } from './pull-request-comments.js';

interface Comment {
  id: number;
  body: string;
  html_url?: string;
}

/** Implements the comment endpoints of GitHub's and GitLab's APIs in memory. */
class FakeForge {
  readonly comments = new Map<string, Comment[]>();
  readonly requests: string[] = [];
  /** If it returns true, it has responded instead. */
  fault: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | null = null;
  private nextId = 1;
  private readonly server = http.createServer((request, response) => void this.answer(request, response));

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '', 'http://forge.test');
    this.requests.push(`${method} ${url.pathname}`);
    const reply = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (this.fault?.(request, response)) return;
    const isGitHub = url.pathname.startsWith('/api/v3');
    const isKnown = isGitHub
      ? headers.authorization === 'Bearer hub-secret'
      : headers['private-token'] === 'lab-secret';
    if (!isKnown) return reply(401, { message: 'who are you?' });
    const list = url.pathname.replace(isGitHub ? '/api/v3' : '/api/v4', '');
    if (method === 'GET') {
      const start = (Number(url.searchParams.get('page')) - 1) * Number(url.searchParams.get('per_page'));
      return reply(
        200,
        (this.comments.get(list) ?? []).slice(start, start + Number(url.searchParams.get('per_page'))),
      );
    }
    const { body } = (await json(request)) as { body: string };
    if (method === 'POST') {
      const id = this.nextId++;
      const comment = { id, body, ...(isGitHub && { html_url: `https://git.test/c/${id}` }) };
      this.comments.set(list, [...(this.comments.get(list) ?? []), comment]);
      return reply(201, comment);
    }
    const comment = [...this.comments.values()].flat().find(({ id }) => list.endsWith(`/${id}`));
    if (comment === undefined || method !== (isGitHub ? 'PATCH' : 'PUT')) return reply(404, {});
    comment.body = body;
    return reply(200, comment);
  }
}

let forge: FakeForge;
let forgeUrl: string;
let env: Record<string, string>;
let api: TestApi;
let team: TestTeam;
let writer: PullRequestComments;
let nextNumber = 1;

beforeAll(async () => {
  forge = new FakeForge();
  forgeUrl = await forge.start();
  env = {
    PULL_REQUEST_GITHUB_TOKEN: 'hub-secret',
    PULL_REQUEST_GITHUB_API_URL: `${forgeUrl}/api/v3`,
    PULL_REQUEST_GITLAB_TOKEN: 'lab-secret',
    PULL_REQUEST_GITLAB_API_URL: `${forgeUrl}/api/v4`,
  };
  api = await TestApi.start({ env });
  writer = api.app.get(PullRequestComments);
  team = await api.team('acme');
  await team.trafficManager('m');
});

beforeEach(() => {
  forge.fault = null;
  forge.requests.length = 0;
});

afterAll(async () => {
  await api?.close();
  forge?.stop();
});

async function create(pullRequestUrl: string): Promise<PreviewResource> {
  const intercept = { name: 'orders', workload: 'orders', namespace: 'shop' };
  const ingress = { host: 'web.shop', port: 80 };
  const response = await team.post('/previews', { intercept, ingress, pullRequestUrl });
  expect(response.body).toMatchObject({ pullRequestUrl });
  return previewResource.parse(response.body);
}

const show = async ({ id }: PreviewResource): Promise<PreviewResource> =>
  previewResource.parse((await team.get(`/previews/${id}`)).body);

describe.each([
  ['GitHub', (n: number) => `/acme/shop/pull/${n}`, (n: number) => `/repos/acme/shop/issues/${n}/comments`],
  [
    'GitLab',
    (n: number) => `/acme/shop/-/merge_requests/${n}`,
    (n: number) => `/projects/acme%2Fshop/merge_requests/${n}/notes`,
  ],
])('comments on %s', (_name, page, list) => {
  let number: number;
  let url: string;
  const comments = (): Comment[] => forge.comments.get(list(number)) ?? [];

  beforeEach(() => {
    number = nextNumber++;
    url = forgeUrl + page(number);
  });

  it('show the preview, are updated in place, and struck through when it is removed', async () => {
    const preview = await create(url);
    expect(preview.pullRequest).toMatchObject({ status: 'pending', commentUrl: null });
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect(comments()[0].body).toContain(preview.url);
    const { pullRequest } = await show(preview);
    expect(pullRequest).toMatchObject({ status: 'posted', detail: null });
    expect(pullRequest?.commentUrl).toContain(String(comments()[0].id));

    await team.patch(`/previews/${preview.id}`, { expiresAt: '2099-01-01T00:00:00.000Z' });
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect(comments()[0].body).toContain('Ends 2099-01-01');

    await team.delete(`/previews/${preview.id}`);
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect(comments()[0].body).toContain('~~Preview of `orders` in `shop`~~');
    expect(comments()[0].body).not.toContain(preview.url);
    forge.requests.length = 0;
    await writer.look();
    expect(forge.requests).toEqual([]);
  });

  it('are found again by their marker if the response to the first attempt was lost', async () => {
    const preview = await create(url);
    forge.fault = (request, response) => {
      if (request.method !== 'POST') return false;
      // The comment is created, and the connection breaks.
      forge.fault = null;
      response.end = () => (request.socket.destroy(), response);
      return false;
    };
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect((await show(preview)).pullRequest).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/does not answer/),
    });
    await api.store.pullRequestComments.retryAll(new Date());
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect((await show(preview)).pullRequest).toMatchObject({ status: 'posted' });
  });

  it.each([
    [401, 'the token is not valid'],
    [403, 'lacks permission to comment'],
    [404, 'does not exist'],
    [301, 'has moved'],
    [503, 'failed (503)'],
    [200, 'unexpected response'],
  ])('report in the API that the forge responded with %i', async (status, detail) => {
    const preview = await create(url);
    forge.fault = (_request, response) => {
      response.writeHead(status, { location: `${forgeUrl}/elsewhere` }).end('<html>secret</html>');
      return true;
    };
    await writer.look();
    expect((await show(preview)).pullRequest).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(detail),
      commentUrl: null,
    });
    expect(forge.requests.join()).not.toContain('elsewhere');
    expect(api.logLines.join('')).not.toMatch(/hub-secret|lab-secret|<html>/);
  });

  it('wait as long as the forge asks, for all its pull requests', async () => {
    const first = await create(url);
    forge.fault = (_request, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    };
    await writer.look();
    forge.fault = null;
    const asked = forge.requests.length;
    number = nextNumber++;
    const second = await create(forgeUrl + page(number));
    await writer.look();
    expect(forge.requests).toHaveLength(asked);
    for (const preview of [first, second]) {
      const [comment] = await api.store.pullRequestComments.findByPreviews(team.teamId, [preview.id]);
      expect(comment.status).toBe('failed');
      expect(comment.nextAttemptAt.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    }
  });
});

describe('comments on pull requests', () => {
  it('reports that it does not write to other URLs, and calls no host', async () => {
    const preview = await create('https://elsewhere.test/acme/shop/pull/1');
    forge.requests.length = 0;
    await writer.look();
    expect((await show(preview)).pullRequest).toMatchObject({ status: 'unsupported', commentUrl: null });
    expect(forge.requests).toEqual([]);
  });
});

describe('several processes', () => {
  // The other request would exceed the limit too: the forge has asked Culvert to wait.
  beforeAll(() => writer.beforeApplicationShutdown());

  const bus = new InProcessEventBus((error) => {
    throw error;
  });
  const start = (): PullRequestComments =>
    new PullRequestComments(
      api.store,
      bus,
      loadSettings('standalone', env),
      createLog({ level: 'silent', app: 'api' }),
      createLoopbackClient(),
    );

  it('write one comment between them', async () => {
    const number = nextNumber++;
    await create(`${forgeUrl}/acme/shop/pull/${number}`);
    await Promise.all([start(), start(), start()].map((process) => process.look()));
    expect(forge.comments.get(`/repos/acme/shop/issues/${number}/comments`)).toHaveLength(1);
  });

  it('write on a change, and stop when they are stopped', async () => {
    const number = nextNumber++;
    const written = new Promise<void>((resolve) => {
      forge.fault = (request) => {
        if (request.method === 'POST') resolve();
        return false;
      };
    });
    const process = start();
    await process.onApplicationBootstrap();
    await process.look();
    const { hostname } = await create(`${forgeUrl}/acme/shop/pull/${number}`);
    await bus.publish({ type: 'preview.changed', hostname });
    await written;
    await process.beforeApplicationShutdown();
    forge.requests.length = 0;
    await create(`${forgeUrl}/acme/shop/pull/${nextNumber++}`);
    await process.look();
    expect(forge.requests).toEqual([]);
  });
});
