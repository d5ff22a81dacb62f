import type { PullRequest } from './forge.js';
import { repositoryPath } from './pull-request-path.js';

/**
 * Returns the pull request at `<base>/<owner>/<repository>/<word>/<number>` of a forge with GitHub's API, in which the
 * comments of a pull request are those of the issue with its number; null for any other URL.
 * @param owner form of an owner's name
 */
export function issueComments(
  url: string,
  { base, word, owner: form }: { readonly base: string; readonly word: string; readonly owner: RegExp },
): PullRequest | null {
  const found = repositoryPath(url, { base, word, owner: form });
  if (found === null) return null;
  const { owner, repository, number } = found;
  const path = `/repos/${owner}/${repository}/issues`;
  return {
    commentsPath: `${path}/${number}/comments`,
    commentPath: (id) => `${path}/comments/${id}`,
    commentUrl: (id) => `${base}/${owner}/${repository}/${word}/${number}#issuecomment-${id}`,
  };
}
