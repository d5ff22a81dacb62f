import { type Forge, PLAIN_COMMENTS } from './forge.js';
import { NAME, NUMBER, pathBelow, withoutSuffix } from './pull-request-path.js';

const MAX_GROUPS = 20;

/** GitLab, at gitlab.com or on a server of its own. */
export function gitLab(apiUrl: string, token: string): Forge {
  const webUrl = withoutSuffix(apiUrl, '/api/v4');
  return {
    name: 'GitLab',
    apiUrl,
    headers: { 'private-token': token },
    comments: {
      ...PLAIN_COMMENTS,
      pageQuery: (page, pageSize) => `per_page=${pageSize}&page=${page}&sort=asc&order_by=created_at`,
      updateMethod: 'PUT',
    },
    pullRequest(url) {
      const segments = pathBelow(webUrl, url) ?? [];
      const at = segments.indexOf('merge_requests');
      const project = segments.slice(0, segments[at - 1] === '-' ? at - 1 : Math.max(at, 0));
      const number = segments[at + 1] ?? '';
      if (project.length < 2 || project.length > MAX_GROUPS || !NUMBER.test(number)) return null;
      if (!project.every((name) => NAME.test(name))) return null;
      const path = `/projects/${encodeURIComponent(project.join('/'))}/merge_requests/${number}/notes`;
      return {
        commentsPath: path,
        commentPath: (id) => `${path}/${id}`,
        commentUrl: (id) => `${webUrl}/${project.join('/')}/-/merge_requests/${number}#note_${id}`,
      };
    },
  };
}
