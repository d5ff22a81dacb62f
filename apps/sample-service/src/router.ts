import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Exchange,
  type Handler,
  type Identity,
  RequestError,
  sendJson,
  sendPage,
  wantsPage,
} from './exchange.js';
import { errorPage } from './pages.js';

export interface Route {
  /** Matched against the whole path; its groups become the handler's `params`. */
  readonly path: RegExp;
  /** GET answers HEAD too; `*` answers everything. */
  readonly methods: Readonly<Record<string, Handler | undefined>>;
}

/** Finds the handler of a request and turns what it throws into an answer. */
export async function dispatch(
  routes: readonly Route[],
  identity: Identity,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('x-sample-service', identity.name);
  response.setHeader('x-content-type-options', 'nosniff');
  try {
    const url = parseTarget(request);
    const { handler, params } = findHandler(routes, request, response, url.pathname);
    await handler({ request, response, url, params, identity });
  } catch (error) {
    sendError({ request, response, identity }, error);
  }
}

function parseTarget({ url = '/' }: IncomingMessage): URL {
  // A base with a path-less origin; `//x` must stay a path and not become a host.
  const target = url.startsWith('/') ? `http://service${url}` : url === '*' ? 'http://service/' : url;
  if (!URL.canParse(target)) throw new RequestError(400, 'the target of the request is not a URL');
  return new URL(target);
}

function findHandler(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): { handler: Handler; params: string[] } {
  for (const route of routes) {
    const match = route.path.exec(path);
    if (!match) continue;
    const method = request.method === 'HEAD' ? 'GET' : request.method!;
    const handler = Object.hasOwn(route.methods, method) ? route.methods[method] : route.methods['*'];
    if (handler) return { handler, params: match.slice(1) };
    const allowed = Object.keys(route.methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
    response.setHeader('allow', allowed.join(', '));
    throw new RequestError(405, `${path} takes ${allowed.join(', ')}`);
  }
  throw new RequestError(404, 'there is nothing here');
}

function sendError(
  { request, response, identity }: Pick<Exchange, 'request' | 'response' | 'identity'>,
  error: unknown,
): void {
  const known = error instanceof RequestError;
  // Once the head is out, a broken connection is the only honest sign left; a visitor who left needs none.
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const message = known ? error.message : 'the service failed';
  if (!known)
    process.stderr.write(`${JSON.stringify({ level: 'error', msg: message, err: String(error) })}\n`);
  // What is left of the request's body would have to be read before the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (wantsPage(request)) sendPage(response, errorPage(identity, status, message), status);
  else sendJson(response, { status, message }, status);
}
