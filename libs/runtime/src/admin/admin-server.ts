/** The port for probes and metrics. It need not be open to the public. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface AdminPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Creates the page of each path, for each request. Other paths get 404. */
export type AdminPages = Readonly<Record<string, () => AdminPage | Promise<AdminPage>>>;

/** Starts to listen; the caller handles `error`. Without a host it listens on all addresses. */
export function startAdmin(
  address: { readonly port: number; readonly host?: string | undefined },
  pages: AdminPages,
): Server {
  const server = createServer((request, response) => void answer(pages, request, response));
  return server.listen(address.port, address.host);
}

/** Returns `/healthz` and `/readyz` of a program that depends on nothing but its connection. */
export function probePages(isReady: () => boolean): AdminPages {
  return {
    '/healthz': () => text(200, 'ok'),
    '/readyz': () => (isReady() ? text(200, 'ok') : text(503, 'not connected')),
  };
}

async function answer(pages: AdminPages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, contentType, body } = await pageFor(pages, request);
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  // Node sends no body in answer to HEAD.
  response.end(body);
}

async function pageFor(pages: AdminPages, { method, url = '' }: IncomingMessage): Promise<AdminPage> {
  const [path = ''] = url.split('?', 1);
  if (!Object.hasOwn(pages, path)) return text(404, 'not found');
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'method not allowed');
  try {
    return await pages[path]();
  } catch {
    // The reason stays out of the answer, which anyone may read.
    return text(500, 'failed');
  }
}

function text(status: number, line: string): AdminPage {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${line}\n` };
}
