import { loadSettings } from '@culvert/runtime';
import { describe, expect, it } from 'vitest';
import { commentText } from './comment-text.js';
import { forgesOf } from './forges.js';

const all = forgesOf(
  loadSettings('standalone', {
    PULL_REQUEST_GITHUB_TOKEN: 'a',
    PULL_REQUEST_GITLAB_TOKEN: 'b',
    PULL_REQUEST_BITBUCKET_TOKEN: 'c',
    PULL_REQUEST_GITEA_TOKEN: 'd',
    PULL_REQUEST_GITEA_API_URL: 'https://git.test/gitea/api/v1/',
  }),
);
const [gitHub, gitLab, bitbucket, gitea] = all;
const [enterprise, ownGitLab] = forgesOf(
  loadSettings('standalone', {
    PULL_REQUEST_GITHUB_TOKEN: 'a',
    PULL_REQUEST_GITHUB_API_URL: 'https://git.test/api/v3/',
    PULL_REQUEST_GITLAB_TOKEN: 'b',
    PULL_REQUEST_GITLAB_API_URL: 'https://git.test:8443/gitlab/api/v4',
  }),
);

describe('the pull request of a URL', () => {
  it.each([
    [gitHub, 'https://github.com/acme/shop/pull/12', '/repos/acme/shop/issues/12/comments'],
    [
      gitHub,
      'https://github.com/acme/my.shop/pull/12/files?w=1#diff',
      '/repos/acme/my.shop/issues/12/comments',
    ],
    [enterprise, 'https://git.test/acme/shop/pull/7', '/repos/acme/shop/issues/7/comments'],
    [gitLab, 'https://gitlab.com/a/b/c/-/merge_requests/3', '/projects/a%2Fb%2Fc/merge_requests/3/notes'],
    [gitLab, 'https://gitlab.com/a/b/merge_requests/3/diffs', '/projects/a%2Fb/merge_requests/3/notes'],
    [
      ownGitLab,
      'https://git.test:8443/gitlab/a/b/-/merge_requests/3',
      '/projects/a%2Fb/merge_requests/3/notes',
    ],
    [
      bitbucket,
      'https://bitbucket.org/acme/my.shop/pull-requests/12/slug-of-the-title/diff#x',
      '/repositories/acme/my.shop/pullrequests/12/comments',
    ],
    [gitea, 'https://git.test/gitea/acme.co/shop/pulls/5', '/repos/acme.co/shop/issues/5/comments'],
    [gitea, 'https://git.test/gitea/acme/shop/pulls/5/files', '/repos/acme/shop/issues/5/comments'],
  ])('is recognized by %o: %s', (forge, url, path) => {
    expect(forge.pullRequest(url)?.commentsPath).toBe(path);
  });

  it.each([
    'http://github.com/acme/shop/pull/12',
    'https://github.com.evil.test/acme/shop/pull/12',
    'https://github.com@evil.test/acme/shop/pull/12',
    'https://user@github.com/acme/shop/pull/12',
    'https://github.com:8443/acme/shop/pull/12',
    'https://api.github.com/acme/shop/pull/12',
    'https://github.com/acme/shop/issues/12',
    'https://github.com/acme/shop/pull/0',
    'https://github.com/acme/shop/pull/12x',
    'https://github.com/acme/shop/pull/99999999999',
    'https://github.com/acme/../pull/12',
    'https://github.com/acme/%2e%2e/pull/12',
    'https://github.com/acme/a%2Fb/pull/12',
    'https://github.com/acme/a b/pull/12',
    'https://github.com/-x/shop/pull/12',
    'https://github.com//shop/pull/12',
    'https://gitlab.com/shop/-/merge_requests/3',
    'https://gitlab.com/a/b%2fc/-/merge_requests/3',
    'https://gitlab.com/a/b/-/merge_requests/',
    `https://gitlab.com/${'a/'.repeat(21)}-/merge_requests/3`,
    'https://gitlab.com/-/merge_requests/3',
    'https://bitbucket.org/acme/shop/pull-requests/0',
    'https://bitbucket.org/acme/shop/pullrequests/3',
    'https://bitbucket.org/{acme}/shop/pull-requests/3',
    'https://bitbucket.org/acme/../pull-requests/3',
    'https://bitbucket.org/acme/%2e%2e/pull-requests/3',
    'https://bitbucket.org/acme/a%2Fb/pull-requests/3',
    'https://api.bitbucket.org/acme/shop/pull-requests/3',
    'https://bitbucket.org.evil.test/acme/shop/pull-requests/3',
    'https://user:pw@bitbucket.org/acme/shop/pull-requests/3',
    'https://git.test/gitea/acme/shop/pull/3',
    'https://git.test/gitea/acme/shop/issues/3',
    'https://git.test/acme/shop/pulls/3',
    'https://git.test/gitea/../acme/shop/pulls/3',
    'https://git.test/gitea/../gitea/%2e%2e/shop/pulls/3',
    'https://git.test/gitea/acme/..%2fshop/pulls/3',
    'javascript:alert(1)',
    'nonsense',
    '',
  ])('is not recognized in %s', (url) => {
    for (const forge of all) expect(forge.pullRequest(url)).toBeNull();
  });
});

describe('the token of Bitbucket', () => {
  it.each([
    ['ATCTT3xToken', 'Bearer ATCTT3xToken'],
    ['ci@shop.test:ATATT3xToken', `Basic ${Buffer.from('ci@shop.test:ATATT3xToken').toString('base64')}`],
  ])('%s is sent as %s', (token, authorization) => {
    const [forge] = forgesOf(loadSettings('standalone', { PULL_REQUEST_BITBUCKET_TOKEN: token }));
    expect(forge.headers).toMatchObject({ authorization });
  });
});

describe('a comment that Bitbucket lists', () => {
  it('has no text if it was deleted, so that it is not changed', () => {
    const listed = { id: 7, content: { raw: '[//]: # (culvert-preview:p)' }, deleted: true, links: {} };
    expect(bitbucket.comments.many.parse({ values: [listed, { ...listed, deleted: false }] })).toEqual([
      { id: 7, body: null, url: null },
      { id: 7, body: listed.content.raw, url: null },
    ]);
  });
});

describe('the text of a comment', () => {
  const comment = {
    id: 'c',
    teamId: 't',
    previewId: 'p',
    pullRequestUrl: '',
    hostname: 'a.preview.test',
    workload: 'orders',
    namespace: 'shop',
    client: 'jo@laptop',
    isLive: true,
    expiresAt: new Date('2031-01-01T00:00:00Z'),
    revision: 1,
    publishedRevision: 0,
    status: 'pending',
    detail: null,
    commentId: null,
    commentUrl: null,
    attempts: 0,
    nextAttemptAt: new Date(),
    createdAt: new Date(),
    updatedAt: new Date(),
  } as const;

  it('describes the preview while it lives, and is struck through after its end', () => {
    expect(commentText(comment, 'https://a.preview.test')).toBe(
      '**Preview of `orders` in `shop`**\n\nhttps://a.preview.test\n\n' +
        'Shared by `jo@laptop`.\nEnds 2031-01-01 00:00 UTC.\n',
    );
    const ended = commentText({ ...comment, isLive: false }, 'https://a.preview.test');
    expect(ended).toContain('~~Preview of `orders` in `shop`~~');
    expect(ended).not.toContain('https://');
  });

  it.each(['` @everyone `', '\n\n# big', '`<img src=x>`', '``', '\u202e', 'x'.repeat(10_000)])(
    'keeps the name %j in its code span',
    (name) => {
      const text = commentText(
        { ...comment, workload: name, namespace: name, client: name },
        'https://a.test',
      );
      for (const line of text.split('\n')) expect((line.match(/`/g) ?? []).length % 2).toBe(0);
      expect(text.replace(/`[^`\n]*`/g, '')).not.toMatch(/@|#|img|xxx/);
      expect(text.length).toBeLessThan(500);
    },
  );
});
