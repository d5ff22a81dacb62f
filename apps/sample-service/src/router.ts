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
  /** GET also answers HEAD; `*` answers every method. */
  readonly methods: Readonly<Record<string, Handler | undefined>>;
}

/** Finds the handler of a request and turns its errors into responses. */
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
    throw new RequestError(405, `${path} supports ${allowed.join(', ')}`);
  }
  throw new RequestError(404, 'nothing exists at this path');
}

function sendError(
  { request, response, identity }: Pick<Exchange, 'request' | 'response' | 'identity'>,
  error: unknown,
): void {
  const known = error instanceof RequestError;
  // After the head is sent, only a broken connection can signal the failure. A visitor who left needs no signal.
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const message = known ? error.message : 'internal error of the service';
  if (!known)
    process.stderr.write(`${JSON.stringify({ level: 'error', msg: message, err: String(error) })}\n`);
  // The rest of the request's body would have to be read before the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (wantsPage(request)) sendPage(response, errorPage(identity, status, message), status);
  else sendJson(response, { status, message }, status);
}
