import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** An HTTP server on this machine with scripted responses, which records requests. */
export class TestServer {
  readonly seen: SeenRequest[] = [];
  answer: (seen: SeenRequest, response: ServerResponse) => void = (_seen, response) => void response.end();

  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<TestServer> {
    const server = createServer((request, response) => void test.handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const test = new TestServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return test;
  }

  /** Answers every request with this response. */
  always(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.answer = (_seen, response) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
    };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('utf8');
    const { method = '', url: path = '', headers } = request;
    const seen = { method, path, authorization: headers.authorization, body };
    this.seen.push(seen);
    this.answer(seen, response);
  }
}
