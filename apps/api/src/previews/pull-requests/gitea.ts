import { type Forge, PLAIN_COMMENTS } from './forge.js';
import { NAME, repositoryPath, withoutSuffix } from './pull-request-path.js';

/** Gitea, or Forgejo, which has the same API. */
export function gitea(apiUrl: string, token: string): Forge {
  const webUrl = withoutSuffix(apiUrl, '/api/v1');
  return {
    name: 'Gitea',
    apiUrl,
    headers: { authorization: `token ${token}`, accept: 'application/json' },
    comments: { ...PLAIN_COMMENTS, pageQuery: null, updateMethod: 'PATCH' },
    pullRequest(url) {
      const found = repositoryPath(url, { base: webUrl, word: 'pulls', owner: NAME });
      if (found === null) return null;
      const { owner, repository, number } = found;
      // A pull request's comments are those of the issue with its number.
      const path = `/repos/${owner}/${repository}/issues`;
      return {
        commentsPath: `${path}/${number}/comments`,
        commentPath: (id) => `${path}/comments/${id}`,
        commentUrl: (id) => `${webUrl}/${owner}/${repository}/pulls/${number}#issuecomment-${id}`,
      };
    },
  };
}
