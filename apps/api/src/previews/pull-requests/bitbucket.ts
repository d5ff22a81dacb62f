import { z } from 'zod';
import type { Forge } from './forge.js';
import { OWNER, repositoryPath, withoutSuffix } from './pull-request-path.js';

const comment = z
  .object({
    id: z.int(),
    content: z.object({ raw: z.string().nullish() }).nullish(),
    /** Deleted comments stay in the list as long as they have replies. */
    deleted: z.boolean().optional(),
    links: z.object({ html: z.object({ href: z.url() }).optional() }).optional(),
  })
  .transform(({ id, content, deleted, links }) => ({
    id,
    body: deleted === true ? null : (content?.raw ?? null),
    url: links?.html?.href ?? null,
  }));

/** Bitbucket Cloud. Its servers in data centers have another API, which Culvert does not call. */
export function bitbucket(apiUrl: string, token: string): Forge {
  const webUrl =
    apiUrl === 'https://api.bitbucket.org/2.0' ? 'https://bitbucket.org' : withoutSuffix(apiUrl, '/2.0');
  return {
    name: 'Bitbucket',
    apiUrl,
    headers: { authorization: authorizationOf(token), accept: 'application/json' },
    comments: {
      pageQuery: (page, pageSize) => `pagelen=${pageSize}&page=${page}&sort=created_on`,
      updateMethod: 'PUT',
      write: (raw) => ({ content: { raw } }),
      one: comment,
      many: z.object({ values: z.array(comment) }).transform(({ values }) => values),
      // Bitbucket shows HTML comments as text. A link that nothing refers to is not shown.
      hide: (text) => `[//]: # (${text})\n`,
    },
    pullRequest(url) {
      const found = repositoryPath(url, { base: webUrl, word: 'pull-requests', owner: OWNER });
      if (found === null) return null;
      const { owner, repository, number } = found;
      const path = `/repositories/${owner}/${repository}/pullrequests/${number}/comments`;
      return {
        commentsPath: path,
        commentPath: (id) => `${path}/${id}`,
        commentUrl: (id) => `${webUrl}/${owner}/${repository}/pull-requests/${number}#comment-${id}`,
      };
    },
  };
}

/** Access tokens of a repository, project or workspace are bearer tokens; API tokens of people need their email address. */
function authorizationOf(token: string): string {
  return token.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}`;
}
