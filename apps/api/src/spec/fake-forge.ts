import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { z } from 'zod';

/** The tokens that a `FakeForge` accepts. */
export const SECRETS = {
  github: 'hub-secret',
  gitlab: 'lab-secret',
  bitbucket: 'bucket-secret',
  gitea: 'tea-secret',
} as const;

export interface StoredComment {
  readonly id: number;
  body: string;
}

/** The comment endpoints of one forge, as its documentation describes them. */
interface Api {
  readonly isAllowed: (headers: http.IncomingHttpHeaders) => boolean;
  readonly update: 'PATCH' | 'PUT';
  /** Parameters of the list; an API without pages has none. */
  readonly query: z.ZodType<{ readonly size: number; readonly page: number } | null>;
  /** Path of a list of comments, and path of one comment. */
  readonly paths: { readonly list: RegExp; readonly one: RegExp };
  readonly body: z.ZodType<string>;
  readonly show: (comment: StoredComment, origin: string) => object;
  readonly page: (comments: object[]) => unknown;
}

const paged = (size: 'per_page' | 'pagelen', others: readonly string[] = []) =>
  z
    .strictObject({
      [size]: z.coerce.number().int().min(1).max(100),
      page: z.coerce.number().int().min(1),
      ...Object.fromEntries(others.map((name) => [name, z.string()])),
    })
    .transform((query) => ({ size: Number(query[size]), page: Number(query.page) }));

const plainBody = z.strictObject({ body: z.string().min(1) }).transform(({ body }) => body);

const APIS: Readonly<Record<string, Api>> = {
  '/api/v3': {
    isAllowed: ({ authorization, accept }) =>
      authorization === `Bearer ${SECRETS.github}` && accept === 'application/vnd.github+json',
    update: 'PATCH',
    query: paged('per_page'),
    paths: {
      list: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/\d+\/comments$/,
      one: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/comments\/(\d+)$/,
    },
    body: plainBody,
    show: ({ id, body }, origin) => ({ id, body, html_url: `${origin}/c/${id}` }),
    page: (comments) => comments,
  },
  '/api/v4': {
    isAllowed: (headers) => headers['private-token'] === SECRETS.gitlab,
    update: 'PUT',
    query: paged('per_page', ['sort', 'order_by']),
    paths: {
      list: /^\/projects\/[\w.%-]+\/merge_requests\/\d+\/notes$/,
      one: /^\/projects\/[\w.%-]+\/merge_requests\/\d+\/notes\/(\d+)$/,
    },
    body: plainBody,
    show: ({ id, body }) => ({ id, body, noteable_type: 'MergeRequest' }),
    page: (comments) => comments,
  },
  '/2.0': {
    isAllowed: ({ authorization }) => authorization === `Bearer ${SECRETS.bitbucket}`,
    update: 'PUT',
    query: paged('pagelen', ['sort']),
    paths: {
      list: /^\/repositories\/[\w-]+\/[\w.-]+\/pullrequests\/\d+\/comments$/,
      one: /^\/repositories\/[\w-]+\/[\w.-]+\/pullrequests\/\d+\/comments\/(\d+)$/,
    },
    body: z
      .strictObject({ content: z.strictObject({ raw: z.string().min(1) }) })
      .transform(({ content }) => content.raw),
    show: ({ id, body: raw }, origin) => ({
      type: 'pullrequest_comment',
      id,
      content: { type: 'rendered', raw, markup: 'markdown', html: '<p></p>' },
      deleted: false,
      links: { html: { href: `${origin}/acme/shop/pull-requests/1/_/diff#comment-${id}` } },
    }),
    page: (values) => ({ values, pagelen: 100, page: 1 }),
  },
  '/api/v1': {
    isAllowed: ({ authorization }) => authorization === `token ${SECRETS.gitea}`,
    update: 'PATCH',
    query: z.strictObject({}).transform(() => null),
    paths: {
      list: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/\d+\/comments$/,
      one: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/comments\/(\d+)$/,
    },
    body: plainBody,
    show: ({ id, body }, origin) => ({
      id,
      body,
      html_url: `${origin}/acme/shop/pulls/1#issuecomment-${id}`,
      assets: [],
    }),
    page: (comments) => comments,
  },
};

/**
 * Implements the comment endpoints of GitHub (`/api/v3`), GitLab (`/api/v4`), Bitbucket (`/2.0`) and Gitea (`/api/v1`) in
 * memory. It refuses every call that their documentation does not describe.
 */
export class FakeForge {
  /** Comments by the path of their list. */
  readonly comments = new Map<string, StoredComment[]>();
  readonly requests: string[] = [];
  /** If it returns true, it has responded instead. */
  fault: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | null = null;
  private nextId = 1;
  private origin = '';
  private readonly server = http.createServer((request, response) => void this.answer(request, response));

  /** Resolves with the URL. */
  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.origin = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  add(list: string, body: string): StoredComment {
    const comment = { id: this.nextId++, body };
    this.comments.set(list, [...(this.comments.get(list) ?? []), comment]);
    return comment;
  }

  addOthers(list: string, count: number): void {
    for (let i = 0; i < count; i++) this.add(list, `Comment ${i} of someone else`);
  }

  /** Removes all comments of a list. */
  remove(list: string): void {
    this.comments.delete(list);
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', headers } = request;
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://forge.test');
    this.requests.push(`${method} ${pathname}`);
    const reply = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (this.fault?.(request, response)) return;
    const [prefix, api] = Object.entries(APIS).find(([base]) => pathname.startsWith(`${base}/`)) ?? [];
    if (prefix === undefined || api === undefined) return reply(404, { message: 'no such API' });
    if (!api.isAllowed(headers)) return reply(401, { message: 'who are you?' });
    const path = pathname.slice(prefix.length);
    const [, id] = api.paths.one.exec(path) ?? [];
    if (id === undefined && !api.paths.list.test(path)) return reply(404, { message: 'no such path' });
    if (method === 'GET') {
      const query = api.query.safeParse(Object.fromEntries(searchParams));
      if (!query.success || id !== undefined) return reply(422, { message: query.error?.message });
      const found = this.comments.get(pathname) ?? [];
      const { size, page } = query.data ?? { size: found.length, page: 1 };
      return reply(
        200,
        api.page(
          found.slice((page - 1) * size, page * size).map((comment) => api.show(comment, this.origin)),
        ),
      );
    }
    const body = api.body.safeParse(await json(request));
    if (!body.success || headers['content-type'] !== 'application/json')
      return reply(400, { message: body.error?.message });
    if (method === 'POST' && id === undefined)
      return reply(201, api.show(this.add(pathname, body.data), this.origin));
    const comment = [...this.comments.values()].flat().find((each) => String(each.id) === id);
    if (comment === undefined || method !== api.update) return reply(404, {});
    comment.body = body.data;
    return reply(200, api.show(comment, this.origin));
  }
}
