import { type Forge, PLAIN_COMMENTS } from './forge.js';
import { issueComments } from './issue-comments.js';
import { OWNER, withoutSuffix } from './pull-request-path.js';

/** GitHub, or a GitHub Enterprise Server. */
export function gitHub(apiUrl: string, token: string): Forge {
  // github.com has its API on a host of its own, GitHub Enterprise Server below /api/v3 of its only host.
  const webUrl =
    apiUrl === 'https://api.github.com' ? 'https://github.com' : withoutSuffix(apiUrl, '/api/v3');
  return {
    name: 'GitHub',
    apiUrl,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    },
    comments: {
      ...PLAIN_COMMENTS,
      pageQuery: (page, pageSize) => `per_page=${pageSize}&page=${page}`,
      updateMethod: 'PATCH',
    },
    pullRequest: (url) => issueComments(url, { base: webUrl, word: 'pull', owner: OWNER }),
  };
}
