/** A server of an earlier version: in front of a deployment, it drops fields of the API that it does not know. */
import { once } from 'node:events';
import http from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export class OlderServer {
  private readonly server = http.createServer(
    (request, response) => void this.handle(request, response).catch(() => response.destroy()),
  );
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly port: number,
    private readonly unknown: readonly string[],
  ) {
    this.server.on('upgrade', (request, socket: Duplex) => this.passOn(request, socket));
  }

  /**
   * @param port of the deployment
   * @param unknown names of the fields that it drops from requests and answers
   */
  static async start(port: number, unknown: readonly string[]): Promise<OlderServer> {
    const older = new OlderServer(port, unknown);
    older.server.listen(0, '127.0.0.1');
    await once(older.server, 'listening');
    return older;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method, url: path, headers } = request;
    const body = this.withoutUnknown(await textOf(request));
    const { connection: _hop, 'transfer-encoding': _coding, ...kept } = headers;
    const sent = http.request({
      port: this.port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      headers: { ...kept, host: `localhost:${this.port}`, 'content-length': Buffer.byteLength(body) },
    });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
    const text = this.withoutUnknown(await textOf(answer));
    const { 'content-length': _length, 'transfer-encoding': _chunked, ...fields } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, fields).end(text);
  }

  /** Joins a connection that switches protocols, such as a tunnel. */
  private passOn({ method, url, rawHeaders }: http.IncomingMessage, socket: Duplex): void {
    const far = connect(this.port, '127.0.0.1');
    const lines = rawHeaders.flatMap((name, i) =>
      i % 2 === 1 ? [] : [`${name}: ${/^host$/i.test(name) ? `localhost:${this.port}` : rawHeaders[i + 1]}`],
    );
    far.write(`${method} ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.pipe(far).pipe(socket);
    for (const end of [socket, far]) {
      this.sockets.add(end);
      end.on('error', () => {});
      end.once('close', () => {
        socket.destroy();
        far.destroy();
      });
    }
  }

  private withoutUnknown(text: string): string {
    if (!text.startsWith('{')) return text;
    return JSON.stringify(
      JSON.parse(text, (key, value: unknown) => (this.unknown.includes(key) ? undefined : value)),
    );
  }
}

async function textOf(message: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of message.setEncoding('utf8')) text += part as string;
  return text;
}
