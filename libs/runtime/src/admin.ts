/** `/healthz` and `/readyz` for probes. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';

/** Starts listening on all addresses; `isReady` is asked on every `/readyz`. */
export function startAdmin(port: number, isReady: () => boolean): Server {
  const server = createServer((request, response) => {
    const status = answerTo(request.url ?? '', isReady);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
    response.end(status === 200 ? 'ok\n' : status === 503 ? 'not connected\n' : 'not found\n');
  });
  return server.listen(port);
}

function answerTo(url: string, isReady: () => boolean): number {
  switch (url) {
    case '/healthz':
      return 200;
    case '/readyz':
      return isReady() ? 200 : 503;
    default:
      return 404;
  }
}
