import type { Settings } from '@culvert/runtime';

/** One pull request, as a forge's API names it. */
export interface PullRequest {
  /** Path below the API's URL at which its comments are listed and created. */
  readonly commentsPath: string;
  /** Path below the API's URL of one comment. */
  readonly commentPath: (commentId: string) => string;
  /** URL of a comment for people, if the API does not return it. */
  readonly commentUrl: (commentId: string) => string;
}

/** A host of pull requests, and how to comment on them. */
export interface Forge {
  readonly name: 'GitHub' | 'GitLab';
  /** URL without a trailing slash. Culvert calls no other. */
  readonly apiUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly updateMethod: 'PATCH' | 'PUT';
  /** Returns null if `url` is not a pull request of this forge. Only names of a strict form get into a path. */
  pullRequest(url: string): PullRequest | null;
}

const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$/;
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}$/;
const NUMBER = /^[1-9]\d{0,9}$/;
const MAX_GROUPS = 20;

/** Returns the forges for which this deployment has a token. */
export function forgesOf({ pullRequests: { github, gitlab } }: Settings): Forge[] {
  return [
    ...(github === null ? [] : [gitHub(github.apiUrl, github.token)]),
    ...(gitlab === null ? [] : [gitLab(gitlab.apiUrl, gitlab.token)]),
  ];
}

function gitHub(apiUrl: string, token: string): Forge {
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
    updateMethod: 'PATCH',
    pullRequest(url) {
      const [owner = '', repository = '', pull, number = ''] = pathBelow(webUrl, url) ?? [];
      if (!OWNER.test(owner) || !NAME.test(repository) || pull !== 'pull' || !NUMBER.test(number))
        return null;
      const path = `/repos/${owner}/${repository}/issues`;
      return {
        commentsPath: `${path}/${number}/comments`,
        commentPath: (id) => `${path}/comments/${id}`,
        commentUrl: (id) => `${webUrl}/${owner}/${repository}/pull/${number}#issuecomment-${id}`,
      };
    },
  };
}

function gitLab(apiUrl: string, token: string): Forge {
  const webUrl = withoutSuffix(apiUrl, '/api/v4');
  return {
    name: 'GitLab',
    apiUrl,
    headers: { 'private-token': token },
    updateMethod: 'PUT',
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

function withoutSuffix(url: string, suffix: string): string {
  return url.endsWith(suffix) ? url.slice(0, -suffix.length) : url;
}

/** Returns the segments of `url`'s path below `base`; null if it does not begin with `base`. */
function pathBelow(base: string, url: string): string[] | null {
  if (!URL.canParse(url)) return null;
  const { origin, pathname, username, password } = new URL(url);
  const { origin: baseOrigin, pathname: basePath } = new URL(base);
  const prefix = basePath.endsWith('/') ? basePath : `${basePath}/`;
  if (origin !== baseOrigin || username !== '' || password !== '' || !pathname.startsWith(prefix))
    return null;
  return pathname.slice(prefix.length).split('/');
}
