/** A small Culvert: the calls of its REST API that a cluster makes, in memory behind a real HTTP server. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Problem } from '@culvert/contract';

type Fields = Record<string, unknown>;

interface Stored extends Fields {
  readonly id: string;
}

interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export const MANAGER_ID = 'manager-1';

export class TestCulvert {
  /** Identities of keys; other keys get 401. */
  readonly keys = new Map<string, { readonly team: string; readonly scopes: readonly string[] }>();
  readonly intercepts = new Map<string, Stored>();
  readonly previews = new Map<string, Stored>();
  /** Status of all responses, or null for normal ones. */
  failWith: number | null = null;
  /** `METHOD path` of every call. */
  readonly calls: string[] = [];
  private readonly events = new EventEmitter();
  private server: Server | null = null;
  private heldPort = 0;

  private constructor(private readonly certificate: Certificate | null) {}

  /** @param certificate for a server with TLS */
  static async start(certificate: Certificate | null = null): Promise<TestCulvert> {
    const culvert = new TestCulvert(certificate);
    await culvert.open();
    return culvert;
  }

  get url(): URL {
    return new URL(`${this.certificate === null ? 'http' : 'https'}://127.0.0.1:${this.heldPort}`);
  }

  /** Answers again, at the same address. */
  async open(): Promise<void> {
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void this.handle(request, response);
    this.server =
      this.certificate === null ? createServer(listener) : createTlsServer(this.certificate, listener);
    this.server.listen(this.heldPort, '127.0.0.1');
    await once(this.server, 'listening');
    this.heldPort = (this.server.address() as AddressInfo).port;
  }

  /** Acts as if it were unreachable. */
  async close(): Promise<void> {
    if (this.server === null) return;
    const { server } = this;
    this.server = null;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** Makes `until` check again. */
  notify(): void {
    this.events.emit('call');
  }

  /** Resolves as soon as `condition` holds; checks after every call and `notify`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.events, 'call');
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://culvert');
    const path = pathname.replace('/api/v1', '');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const answer = this.answer(request, path, searchParams, text === '' ? {} : (JSON.parse(text) as Fields));
    this.calls.push(`${request.method} ${path}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    this.events.emit('call');
  }

  private answer(
    request: IncomingMessage,
    path: string,
    query: URLSearchParams,
    body: Fields,
  ): { status: number; body?: unknown } {
    if (this.failWith !== null) return refusal(this.failWith, 'told to fail');
    const key = this.keys.get((request.headers.authorization ?? '').replace('Bearer ', ''));
    if (key === undefined) return refusal(401, 'no such key');
    const [, kind = '', id = ''] = path.split('/').map(decodeURIComponent);
    if (kind === 'me')
      return { status: 200, body: { team: { id: key.team, name: key.team }, scopes: key.scopes } };
    if (kind === 'sessions') return { status: 200, body: { id, trafficManagerId: MANAGER_ID } };
    const store = kind === 'intercepts' ? this.intercepts : this.previews;
    switch (request.method) {
      case 'GET':
        return { status: 200, body: { items: [...store.values()].filter(fits(query)), nextCursor: null } };
      case 'POST':
        return this.create(kind, body);
      case 'PATCH': {
        const stored = store.get(id);
        if (stored === undefined) return refusal(404, 'not found');
        store.set(id, { ...stored, ...body });
        return { status: 200, body: store.get(id) };
      }
      default:
        return this.delete(kind, id);
    }
  }

  private create(kind: string, body: Fields): { status: number; body?: unknown } {
    if (kind === 'intercepts') {
      const stored = { message: '', ...body, id: `${randomUUID()}:${String(body['name'])}` };
      this.intercepts.set(stored.id, stored);
      return { status: 201, body: stored };
    }
    if (!this.intercepts.has(String(body['interceptId']))) return refusal(404, 'no such intercept');
    const id = randomUUID();
    const stored = { ...body, id, url: `https://${id.slice(0, 8)}.preview.example.com`, pullRequest: null };
    this.previews.set(id, stored);
    return { status: 201, body: stored };
  }

  private delete(kind: string, id: string): { status: number; body?: unknown } {
    if (kind === 'intercepts') {
      this.intercepts.delete(id);
      for (const preview of this.previews.values())
        if (preview['interceptId'] === id) this.previews.delete(preview.id);
    }
    this.previews.delete(id);
    return { status: 204 };
  }
}

function refusal(status: number, detail: string): { status: number; body: Problem } {
  const title = 'Refused';
  return {
    status,
    body: { type: 'about:blank', title, status, code: 'internal_error', detail, instance: 'urn:uuid:0' },
  };
}

function fits(query: URLSearchParams): (stored: Stored) => boolean {
  const wanted = [...query].filter(([name]) => name !== 'limit' && name !== 'cursor');
  return (stored) => wanted.every(([name, value]) => stored[name] === value);
}
