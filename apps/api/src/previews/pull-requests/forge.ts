import { z } from 'zod';

/** A comment as a forge stores it. */
export interface ForgeComment {
  readonly id: number;
  /** Text in Markdown; null if the forge no longer shows it. */
  readonly body: string | null;
  /** URL for people; null if the API does not return it. */
  readonly url: string | null;
}

/** One pull request, as a forge's API names it. */
export interface PullRequest {
  /** Path below the API's URL at which its comments are listed and created. */
  readonly commentsPath: string;
  /** Path below the API's URL of one comment. */
  readonly commentPath: (commentId: string) => string;
  /** URL of a comment for people, if the API does not return it. */
  readonly commentUrl: (commentId: string) => string;
}

/** How an API lists, receives and returns comments. */
export interface CommentFormat {
  /** Query of one page of comments, oldest first; null if the API returns all comments at once. Pages count from 1. */
  readonly pageQuery: ((page: number, pageSize: number) => string) | null;
  readonly updateMethod: 'PATCH' | 'PUT';
  /** Body of the requests that create and change a comment. */
  readonly write: (markdown: string) => object;
  readonly one: z.ZodType<ForgeComment>;
  readonly many: z.ZodType<readonly ForgeComment[]>;
  /** Markup of a line that the forge does not show. `text` has no spaces or brackets. */
  readonly hide: (text: string) => string;
}

/** A host of pull requests, and how to comment on them. */
export interface Forge {
  readonly name: 'GitHub' | 'GitLab' | 'Bitbucket' | 'Gitea';
  /** URL without a trailing slash. Culvert calls no other. */
  readonly apiUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly comments: CommentFormat;
  /** Returns null if `url` is not a pull request of this forge. Only names of a strict form get into a path. */
  pullRequest(url: string): PullRequest | null;
}

/** The comment of GitHub, GitLab and Gitea. GitLab returns no `html_url`. */
const plainComment = z
  .object({ id: z.int(), body: z.string().nullish(), html_url: z.url().optional() })
  .transform(({ id, body, html_url: url }) => ({ id, body: body ?? null, url: url ?? null }));

/** The parts of a comment's format that GitHub, GitLab and Gitea share. */
export const PLAIN_COMMENTS = {
  write: (body: string) => ({ body }),
  one: plainComment,
  many: z.array(plainComment),
  hide: (text: string) => `<!-- ${text} -->`,
} as const;
