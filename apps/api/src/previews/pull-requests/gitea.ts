import { type Forge, PLAIN_COMMENTS } from './forge.js';
import { issueComments } from './issue-comments.js';
import { NAME, withoutSuffix } from './pull-request-path.js';

/** Gitea, or Forgejo, which has the same API. */
export function gitea(apiUrl: string, token: string): Forge {
  const webUrl = withoutSuffix(apiUrl, '/api/v1');
  return {
    name: 'Gitea',
    apiUrl,
    headers: { authorization: `token ${token}`, accept: 'application/json' },
    comments: { ...PLAIN_COMMENTS, pageQuery: null, updateMethod: 'PATCH' },
    pullRequest: (url) => issueComments(url, { base: webUrl, word: 'pulls', owner: NAME }),
  };
}
