/** Whether the service that a person wants to expose answers, and which server it seems to be. */
import { showTarget, type Target } from '@culvert/client';
import type { Check, Finding } from '@culvert/diagnosis';
import { HttpClient, HttpError, type HttpResponse } from '@culvert/outbound';

const TIMEOUT_MS = 8000;
const MAX_RESPONSE_BYTES = 1024 * 1024;

/** Texts that tell servers apart: in a header, or near the beginning of a page. */
const SERVERS: readonly (readonly [name: string, header: string | null, pattern: RegExp])[] = [
  ['Next.js', 'x-powered-by', /^Next\.js/],
  ['Nuxt', 'x-powered-by', /^Nuxt/],
  ['Express', 'x-powered-by', /^Express/],
  ['PHP', 'x-powered-by', /^PHP/],
  ['ASP.NET', 'x-powered-by', /^ASP\.NET/],
  ['Flask (Werkzeug)', 'server', /^Werkzeug/],
  ['Django', 'server', /^WSGIServer/],
  ['Uvicorn', 'server', /^uvicorn/i],
  ['Python http.server', 'server', /^SimpleHTTP/],
  ['Jupyter', 'server', /^TornadoServer/],
  ['Puma', 'server', /^[Pp]uma/],
  ['Rails', 'x-runtime', /^\d+\.\d+$/],
  ['Vite', null, /["']\/@vite\/client["']/],
  ['webpack-dev-server', null, /webpack-dev-server|webpack-hot-middleware/],
  ['Angular', null, /<app-root\b/],
];

/** Bytes of a page that are searched. */
const MAX_SCANNED_BYTES = 64 * 1024;

export function targetCheck(target: Target): Check {
  return {
    id: 'target',
    title: 'Target',
    timeoutMs: TIMEOUT_MS + 1000,
    run: async (signal) => {
      const origin = `${target.isTls ? 'https' : 'http'}://${showTarget(target)}`;
      const http = new HttpClient({
        connectTimeoutMs: 5000,
        timeoutMs: TIMEOUT_MS,
        maxResponseBytes: MAX_RESPONSE_BYTES,
        allowPrivateAddresses: true,
      });
      try {
        return judge(origin, await http.send({ url: origin, headers: { accept: 'text/html, */*' }, signal }));
      } catch (error) {
        return judgeError(origin, target, error);
      } finally {
        http.close();
      }
    },
  };
}

function judge(origin: string, response: HttpResponse): Finding {
  const server = guessServer(response);
  const { status, httpVersion } = response;
  const facts = { origin, status, httpVersion, server };
  const said = `${origin} answers with HTTP ${status}${server === null ? '' : `, as ${server} does`}`;
  if (status < 500) return { state: 'ok', message: said, facts };
  return { state: 'warning', message: said, advice: 'Look at the log of the service.', facts };
}

/** Returns the name of the server that seems to have answered, or null. Exported for its spec. */
export function guessServer({ headers, body }: Pick<HttpResponse, 'headers' | 'body'>): string | null {
  const page = body.toString('latin1', 0, MAX_SCANNED_BYTES);
  const found = SERVERS.find(([, header, pattern]) =>
    pattern.test(header === null ? page : (headers[header] ?? '')),
  );
  return found?.[0] ?? null;
}

function judgeError(origin: string, { isTls }: Target, error: unknown): Finding {
  const facts = { origin };
  const kind = error instanceof HttpError ? error.kind : null;
  const fail = (message: string, advice: string): Finding => ({ state: 'failure', message, advice, facts });
  switch (kind) {
    case 'connect':
      return fail(`nothing listens at ${origin}`, 'Start the service, or name its port.');
    case 'name':
      return fail(`the host name of ${origin} does not exist`, 'Check the name.');
    case 'tls':
      return fail(
        `${origin} does not complete TLS: ${(error as Error).message}`,
        'Use http:// if it does not speak TLS, or "culvert expose --insecure-target" if you trust its certificate.',
      );
    case 'timeout':
      return fail(
        `${origin} does not answer in time`,
        'Check that the service works, and that no debugger has stopped it.',
      );
    case 'too-large':
      return { state: 'ok', message: `${origin} answers with a long response`, facts };
    case 'broken':
      return fail(
        `${origin} does not answer with HTTP: ${(error as Error).message}`,
        isTls ? 'Check that it is a web server.' : 'If it uses TLS, name it with https://.',
      );
    default:
      return fail(`${origin} cannot be reached: ${(error as Error).message}`, 'Check the target.');
  }
}
