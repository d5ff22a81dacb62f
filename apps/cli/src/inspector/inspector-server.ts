/**
 * Serves the local inspector, on loopback only. It answers only what a page of its own sends: a name of this machine in Host (a
 * page of another site may resolve its own name to 127.0.0.1), no other site in Origin and Sec-Fetch-Site, and the cookie
 * that a browser gets for the token of this run. It sends no CORS fields, so that no other site can read an answer.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createReplayRequest, MAX_REPLAY_REQUEST_BYTES } from '@culvert/contract';
import { VERSION } from '@culvert/client';
import { harText } from '@culvert/exchanges';
import type { InspectedEndpoint } from './inspected-endpoint.js';
import type { LocalExchanges } from './local-exchanges.js';
import type { PageFiles } from './page-files.js';
import { PageAccess } from './page-access.js';
import { drained, PageStream } from './page-stream.js';
import { LocalReplayError, sendReplay } from './send-replay.js';

export const DEFAULT_INSPECTOR_PORT = 4040;
/** Ports that are tried after the default one. */
const MAX_TRIES = 100;
const HOST = '127.0.0.1';
const MAX_WATCHERS = 16;
const BEAT_MS = 15_000;

export interface InspectorOptions {
  readonly exchanges: LocalExchanges;
  readonly endpoints: () => readonly InspectedEndpoint[];
  readonly onFault: (error: unknown) => void;
}

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
}

function refused(detail: string): Problem {
  return { status: 403, code: 'forbidden', title: 'Not allowed', detail };
}

const NOT_INVITED: Problem = {
  status: 401,
  code: 'unauthorized',
  title: 'Open the URL of this run',
  detail: 'Open the URL that the command printed, or run "culvert open --inspector".',
};
const NOT_FOUND: Problem = { status: 404, code: 'not_found', title: 'There is nothing at this path' };

export class InspectorServer {
  private readonly server: Server;
  private readonly access = new PageAccess();
  private watchers = 0;

  constructor(private readonly options: InspectorOptions) {
    this.server = createServer({ requestTimeout: 30_000, maxHeaderSize: 16_384 }, (request, response) => {
      this.handle(request, response).catch((error: unknown) => {
        options.onFault(error);
        response.destroy();
      });
    });
  }

  /**
   * Listens on loopback. Resolves with the URL that lets a browser in, which is a secret; null if no port is free.
   * @param port the one to use; undefined: 4040, or the next free one
   */
  async listen(port: number | undefined): Promise<string | null> {
    const first = port ?? DEFAULT_INSPECTOR_PORT;
    for (let tried = first; tried < first + (port === undefined ? MAX_TRIES : 1); tried++)
      if (await this.tryPort(tried)) return this.access.urlOf(this.origin);
    return null;
  }

  /** Ends the streams of pages. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private get origin(): string {
    return `http://${HOST}:${this.port}`;
  }

  private get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  private async tryPort(port: number): Promise<boolean> {
    try {
      this.server.listen(port, HOST);
      await once(this.server, 'listening');
      // A person who ends the command does not wait for a page.
      this.server.unref();
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' || code === 'EACCES') return false;
      throw error;
    }
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request;
    response.setHeader('Cache-Control', 'no-store').setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin').setHeader('X-Frame-Options', 'DENY');
    response.setHeader('Referrer-Policy', 'no-referrer');
    const [path, query = ''] = url.split('?');
    const refusal = this.refusalOf(request, path);
    if (refusal !== null) return sendProblem(response, refusal);
    if (`${method} ${path}` === 'GET /' && this.access.isInvited(query)) {
      // Not a redirect: after a link on another site, a browser would follow it without the cookie.
      response.setHeader('Set-Cookie', this.access.cookieFor(this.port));
    } else if (!this.access.isAdmitted(request.headers, this.port)) {
      return path === '/' ? sendInvitation(response) : sendProblem(response, NOT_INVITED);
    }
    switch (`${method} ${path}`) {
      case 'GET /':
        return sendPage(response, (await page()).html);
      case 'GET /inspector.js':
        return sendCompressed(response, 'text/javascript; charset=utf-8', (await page()).script);
      case 'GET /inspector.css':
        return sendCompressed(response, 'text/css; charset=utf-8', (await page()).style);
      case 'GET /endpoints':
        return sendJson(response, 200, this.endpoints());
      case 'GET /exchanges':
        return this.watch(response);
      case 'GET /har':
        return this.sendHar(response);
      case 'POST /replays':
        return this.replay(request, response);
      default:
        return sendProblem(response, NOT_FOUND);
    }
  }

  /** Returns why a request is refused; null if a page of this server may have sent it. */
  private refusalOf({ headers, method }: IncomingMessage, path: string): Problem | null {
    const names = [`${HOST}:${this.port}`, `localhost:${this.port}`];
    const { host = '', origin } = headers;
    if (!names.includes(host))
      return refused(`Open ${this.origin}: this name is not one of this machine's own.`);
    if (origin !== undefined ? origin !== `http://${host}` : method !== 'GET')
      return refused('Only the page of this inspector may send this.');
    const site = headers['sec-fetch-site'];
    // A link of another site may open the page.
    const isOpened = path === '/' && headers['sec-fetch-mode'] === 'navigate';
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isOpened)
      return refused('Only the page of this inspector may read this.');
    return null;
  }

  private endpoints(): object[] {
    return this.options.endpoints().map(({ name, url }) => ({ name, url: url() }));
  }

  private async watch(response: ServerResponse): Promise<void> {
    if (this.watchers >= MAX_WATCHERS) {
      sendProblem(response, { status: 429, code: 'too_many_streams', title: 'Too many pages are open' });
      return;
    }
    this.watchers++;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    const beat = setInterval(() => response.write(':\n\n'), BEAT_MS).unref();
    const { exchanges } = this.options;
    const stream = new PageStream(response);
    const stop = exchanges.watch(stream);
    response.once('close', () => {
      this.watchers--;
      clearInterval(beat);
      stop();
    });
    await stream.sendPast(exchanges.past());
  }

  private async sendHar(response: ServerResponse): Promise<void> {
    const items = this.options.exchanges.all
      .filter(({ isOver }) => isOver)
      .map((each) => {
        const { endpoint: _endpoint, ...exchange } = each.show();
        return { exchange, bodies: each.showBodies() };
      });
    const origin = this.endpointUrl();
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Disposition': 'attachment; filename="culvert.har"',
    });
    for (const part of harText(items, { origin, version: VERSION, comment: '' })) {
      if (response.destroyed) return;
      if (!response.write(part)) await drained(response);
    }
    response.end();
  }

  private endpointUrl(): string {
    const [first] = this.options.endpoints();
    return new URL(first?.url() ?? this.origin).origin;
  }

  private async replay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === null) {
      sendProblem(response, { status: 413, code: 'payload_too_large', title: 'The request is too large' });
      return;
    }
    const parsed = createReplayRequest.safeParse(body);
    if (!parsed.success) {
      const detail = parsed.error.issues
        .map(({ path, message }) => `${path.join('.')} ${message}`)
        .join('; ');
      sendProblem(response, {
        status: 422,
        code: 'invalid_request',
        title: 'The request is not valid',
        detail,
      });
      return;
    }
    try {
      sendJson(response, 201, await sendReplay(this.options.exchanges, parsed.data));
    } catch (error) {
      if (!(error instanceof LocalReplayError)) throw error;
      const { status, code, message: detail } = error;
      sendProblem(response, { status, code, title: 'The request was not sent, or got no response', detail });
    }
  }
}

/** Loads the page's files when a person opens it: most runs never need them. */
async function page(): Promise<PageFiles> {
  const { pageFiles } = await import('./page-files.js');
  return pageFiles();
}

function sendPage(response: ServerResponse, html: string): void {
  const nonce = randomBytes(18).toString('base64');
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    // Positions of rows are set in attributes.
    "style-src-attr 'unsafe-inline'",
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  response.setHeader('Content-Security-Policy', policy.join('; '));
  sendFile(response, 'text/html; charset=utf-8', Buffer.from(html.replaceAll('{{nonce}}', nonce)));
}

/** Explains to a person whose browser was not let in how to open the page. */
function sendInvitation(response: ServerResponse): void {
  const { status, title, detail = '' } = NOT_INVITED;
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${detail}</p></html>`,
  );
}

function sendFile(response: ServerResponse, type: string, content: Buffer): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': content.length }).end(content);
}

/** Sends a file that is compressed already. Every browser that runs the page can decompress it. */
function sendCompressed(response: ServerResponse, type: string, content: Buffer): void {
  response.setHeader('Content-Encoding', 'gzip');
  sendFile(response, type, content);
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function sendProblem(response: ServerResponse, problem: Problem): void {
  response.writeHead(problem.status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', ...problem }));
}

/** Returns the JSON of a request's body, undefined if it is not JSON, or null if it is too large. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_REPLAY_REQUEST_BYTES) return null;
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as unknown;
  } catch {
    return undefined;
  }
}
