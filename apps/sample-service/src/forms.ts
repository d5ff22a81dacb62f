import { randomUUID } from 'node:crypto';
import { readForm } from './body.js';
import { type Handler, redirectAfterPost, RequestError, sendJson, sendPage, wantsPage } from './exchange.js';
import { headerPairs } from './endpoints.js';
import { html } from './html.js';
import { cookieForms, homePage, tablePage } from './pages.js';

/** Limit of stored posts; the oldest is dropped first. */
const MAX_POSTS = 200;

export const showHome: Handler = ({ response, identity }) => sendPage(response, homePage(identity));

/** Stores a posted form and shows it on a page of its own, so that a reload does not post it again. */
export class Posts {
  private readonly posts = new Map<string, [name: string, value: string][]>();

  readonly take: Handler = async ({ request, response }) => {
    const fields = await readForm(request);
    const id = randomUUID();
    this.posts.set(id, fields);
    if (this.posts.size > MAX_POSTS) this.posts.delete(this.posts.keys().next().value!);
    redirectAfterPost(response, `/form/${id}`);
  };

  readonly show: Handler = ({ response, params, identity }) => {
    const rows = this.posts.get(params[0]);
    if (!rows) throw new RequestError(404, 'this post does not exist or was dropped');
    const after = html`<section class="wide"><a href="/">Post another</a></section>`;
    sendPage(
      response,
      tablePage(identity, { title: 'Posted', subtitle: 'Contents of the form', rows, after }),
    );
  };
}

export const showHeaders: Handler = ({ request, response, identity }) => {
  const rows = headerPairs(request.rawHeaders);
  if (!wantsPage(request)) {
    sendJson(response, { method: request.method, target: request.url, headers: rows });
    return;
  }
  const subtitle = `${request.method} ${request.url} HTTP/${request.httpVersion}, as this service received it`;
  sendPage(response, tablePage(identity, { title: 'Request headers', subtitle, rows }));
};

export const showCookies: Handler = ({ request, response, identity }) => {
  const rows = cookiesOf(request.headers.cookie);
  if (!wantsPage(request)) {
    sendJson(response, { cookies: rows });
    return;
  }
  const subtitle = 'Cookies in this request';
  sendPage(response, tablePage(identity, { title: 'Cookies', subtitle, rows, after: cookieForms() }));
};

export const changeCookies: Handler = async ({ request, response }) => {
  const fields = new Map(await readForm(request));
  const attributes = 'Path=/; HttpOnly; SameSite=Lax';
  if (fields.has('forget')) {
    const names = cookiesOf(request.headers.cookie).map(([name]) => name);
    response.setHeader(
      'set-cookie',
      names.map((name) => `${name}=; Max-Age=0; ${attributes}`),
    );
  } else {
    const name = fields.get('name') ?? '';
    if (!/^[\w-]{1,64}$/.test(name))
      throw new RequestError(400, 'a cookie needs a name of letters, digits, - and _');
    const value = encodeURIComponent((fields.get('value') ?? '').slice(0, 200));
    // Two header fields of the same name: a relay that joins them breaks the page.
    response.setHeader('set-cookie', [`${name}=${value}; ${attributes}`, `last-set=${name}; ${attributes}`]);
  }
  redirectAfterPost(response, '/cookies');
};

function cookiesOf(header: string | undefined): [name: string, value: string][] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    });
}
