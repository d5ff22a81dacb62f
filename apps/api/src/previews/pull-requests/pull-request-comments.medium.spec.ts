import { InProcessEventBus } from '@culvert/events';
import { previewResource, type PreviewResource } from '@culvert/contract';
import { createLoopbackClient } from '@culvert/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '@culvert/metrics';
import { ApiMeasures } from '../../http/measures/api-measures.js';
import { createLog, loadSettings } from '@culvert/runtime';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { FakeForge, SECRETS, type StoredComment } from '../../spec/fake-forge.js';
import { PullRequestComments } from './pull-request-comments.js';

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
    PULL_REQUEST_GITHUB_TOKEN: SECRETS.github,
    PULL_REQUEST_GITHUB_API_URL: `${forgeUrl}/api/v3`,
    PULL_REQUEST_GITLAB_TOKEN: SECRETS.gitlab,
    PULL_REQUEST_GITLAB_API_URL: `${forgeUrl}/api/v4`,
    PULL_REQUEST_BITBUCKET_TOKEN: SECRETS.bitbucket,
    PULL_REQUEST_BITBUCKET_API_URL: `${forgeUrl}/2.0`,
    PULL_REQUEST_GITEA_TOKEN: SECRETS.gitea,
    PULL_REQUEST_GITEA_API_URL: `${forgeUrl}/api/v1`,
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
  {
    name: 'GitHub',
    page: (n: number) => `/acme/shop/pull/${n}`,
    list: (n: number) => `/api/v3/repos/acme/shop/issues/${n}/comments`,
    marker: (id: string) => `<!-- culvert-preview:${id} -->\n**`,
  },
  {
    name: 'GitLab',
    page: (n: number) => `/acme/shop/-/merge_requests/${n}`,
    list: (n: number) => `/api/v4/projects/acme%2Fshop/merge_requests/${n}/notes`,
    marker: (id: string) => `<!-- culvert-preview:${id} -->\n**`,
  },
  {
    name: 'Bitbucket',
    page: (n: number) => `/acme/shop/pull-requests/${n}`,
    list: (n: number) => `/2.0/repositories/acme/shop/pullrequests/${n}/comments`,
    // Its Markdown needs an empty line after a link definition.
    marker: (id: string) => `[//]: # (culvert-preview:${id})\n\n**`,
  },
  {
    name: 'Gitea',
    page: (n: number) => `/acme/shop/pulls/${n}`,
    list: (n: number) => `/api/v1/repos/acme/shop/issues/${n}/comments`,
    marker: (id: string) => `<!-- culvert-preview:${id} -->\n**`,
  },
])('comments on $name', ({ page, list, marker }) => {
  let number: number;
  let url: string;
  const comments = (): StoredComment[] => forge.comments.get(list(number)) ?? [];

  beforeEach(() => {
    number = nextNumber++;
    url = forgeUrl + page(number);
  });

  it('show the preview, are updated in place, and struck through when it is removed', async () => {
    const preview = await create(url);
    expect(preview.pullRequest).toMatchObject({ status: 'pending', commentUrl: null });
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect(comments()[0].body.startsWith(marker(preview.id))).toBe(true);
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
    forge.fault = (request, response) => {
      if (request.method !== 'POST') return false;
      // The comment is created, and the connection breaks.
      forge.fault = null;
      response.end = () => (request.socket.destroy(), response);
      return false;
    };
    const preview = await create(url);
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

  it('are written anew if someone removed them', async () => {
    const preview = await create(url);
    await writer.look();
    forge.remove(list(number));
    await team.patch(`/previews/${preview.id}`, { expiresAt: '2099-01-01T00:00:00.000Z' });
    await writer.look();
    expect(comments()).toHaveLength(1);
    expect(comments()[0].body).toContain('Ends 2099-01-01');
    expect((await show(preview)).pullRequest).toMatchObject({ status: 'posted' });
  });

  it('are found among hundreds of comments of others', async () => {
    const preview = await create(url);
    forge.addOthers(list(number), 230);
    forge.add(list(number), `${marker(preview.id)}Preview`);
    await writer.look();
    expect(comments()).toHaveLength(231);
    expect(comments().at(-1)?.body).toContain(preview.url);
  });

  it.each([
    [401, 'the token is not valid'],
    [403, 'lacks permission to comment'],
    [404, 'does not exist'],
    [301, 'has moved'],
    [503, 'failed (503)'],
    [200, 'unexpected response'],
  ])('report in the API that the forge responded with %i', async (status, detail) => {
    forge.fault = (_request, response) => {
      response.writeHead(status, { location: `${forgeUrl}/elsewhere` }).end('<html>secret</html>');
      return true;
    };
    const preview = await create(url);
    await writer.look();
    expect((await show(preview)).pullRequest).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(detail),
      commentUrl: null,
    });
    expect(forge.requests.join()).not.toContain('elsewhere');
    expect(api.logLines.join('')).not.toMatch(/(hub|lab|bucket|tea)-secret|<html>/);
  });

  it('wait as long as the forge asks, for all its pull requests', async () => {
    forge.fault = (_request, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    };
    const first = await create(url);
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
      new ApiMeasures(new Metrics({ program: 'test', version: '0' })),
    );

  it('write one comment between them', async () => {
    const number = nextNumber++;
    await create(`${forgeUrl}/acme/shop/pull/${number}`);
    await Promise.all([start(), start(), start()].map((process) => process.look()));
    expect(forge.comments.get(`/api/v3/repos/acme/shop/issues/${number}/comments`)).toHaveLength(1);
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
