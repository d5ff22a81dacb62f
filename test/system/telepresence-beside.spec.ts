/**
 * Culvert's traffic manager beside today's Telepresence (docs/telepresence.md): its agent finds requests by a header
 * that the preview sends. Whatever a visitor sends, each request has it exactly once.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { runCulvert } from '../support/cli.js';
import { API_KEY } from '../support/deployment.js';
import { startTlsDeployment, type TlsDeployment, type TlsPreview } from '../support/tls-deployment.js';

const cleanUps: (() => unknown)[] = [];
let deployment: TlsDeployment;
let preview: TlsPreview;
let agent: AgentDouble;
let agentPort: number;

/**
 * Telepresence's agent in front of `orders`, with `--http-header x-dev=alice`: a request with exactly this field goes
 * to the workstation ("blue"), any other to the application ("green").
 */
class AgentDouble {
  /** The `x-dev` fields of each request, with their raw names. */
  seen: string[][] = [];
  private readonly server = http.createServer((request, response) => {
    const color = this.colorOf(request);
    request.resume().on('end', () => response.end(color));
  });

  async listen(): Promise<number> {
    const sockets = new WebSocketServer({ noServer: true });
    this.server.on('upgrade', (request: http.IncomingMessage, socket: Socket, head: Buffer) => {
      const color = this.colorOf(request);
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('message', (data: Buffer) => webSocket.send(`${color} ${data.toString()}`));
      });
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    cleanUps.push(() => {
      for (const webSocket of sockets.clients) webSocket.terminate();
      this.server.closeAllConnections();
      this.server.close();
    });
    return (this.server.address() as AddressInfo).port;
  }

  private colorOf({ rawHeaders }: http.IncomingMessage): string {
    const fields: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (/^x[-_]dev$/i.test(rawHeaders[i])) fields.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    this.seen.push(fields);
    return fields.length === 1 && fields[0] === 'x-dev: alice' ? 'blue' : 'green';
  }
}

beforeAll(async () => {
  agent = new AgentDouble();
  agentPort = await agent.listen();
  deployment = await startTlsDeployment();
  cleanUps.push(() => deployment.stop());
  await deployment.startManager();
  // As created by `culvert preview create --workload orders --namespace shop --add-request-header x-dev=alice
  // --ingress-host …`.
  preview = await deployment.createPreview(agentPort, {
    intercept: { name: 'orders', workload: 'orders', namespace: 'shop' },
    addRequestHeaders: { 'x-dev': 'alice' },
    access: 'public',
  });
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});
beforeEach(() => {
  agent.seen = [];
});

function get(headers: http.OutgoingHttpHeaders, kept?: https.Agent, { hostname } = preview): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port: deployment.port,
        servername: hostname,
        ca: deployment.ca,
        agent: kept ?? false,
        headers: { host: `${hostname}:${deployment.port}`, ...headers },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve(body));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** Returns the response to `text` on a connection of its own. */
async function raw(text: string): Promise<string> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: deployment.port,
    servername: preview.hostname,
    ca: deployment.ca,
    ALPNProtocols: ['http/1.1'],
  });
  socket.write(text.replaceAll('$HOST', `${preview.hostname}:${deployment.port}`));
  let received = '';
  for await (const chunk of socket) received += (chunk as Buffer).toString('latin1');
  return received;
}

/** Headers of a visitor who tries to be another developer, or none. */
const ATTEMPTS: readonly (readonly [string, http.OutgoingHttpHeaders])[] = [
  ['nothing', {}],
  ['another value', { 'x-dev': 'bob' }],
  ['another value in other letters', { 'X-DEV': 'bob' }],
  ['the header twice', { 'x-dev': ['bob', 'alice'] }],
  ['an empty value', { 'x-dev': '' }],
];

/** Returns the arguments of `culvert preview create` in docs/telepresence.md, for this agent. */
function documentedCommand(): string[] {
  const text = readFileSync('docs/telepresence.md', 'utf8');
  const [, command] = /^culvert (preview create (?:.*\\\n)*.*)$/m.exec(text)!;
  return command
    .replaceAll(/\\\n */g, '')
    .replace('--ingress-host orders.shop', '--ingress-host 127.0.0.1')
    .replace('--ingress-port 80', `--ingress-port ${agentPort}`)
    .split(' ');
}

describe('the documented command', () => {
  it("creates a preview that Telepresence's agent finds", async () => {
    const home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    cleanUps.push(() => rmSync(home, { recursive: true, force: true }));
    writeFileSync(join(home, 'ca.crt'), deployment.ca);
    const { code, stdout, stderr } = await runCulvert([...documentedCommand(), '--access', 'public'], {
      env: {
        HOME: home,
        CULVERT_URL: deployment.app,
        CULVERT_API_KEY: API_KEY,
        CULVERT_CA_FILE: join(home, 'ca.crt'),
      },
    });
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const [url] = /https:\/\/\S+/.exec(stdout)!;
    expect(await get({}, undefined, { ...preview, hostname: new URL(url).hostname })).toBe('blue');
    expect(agent.seen).toEqual([['x-dev: alice']]);
  });
});

describe("a request to the preview reaches Telepresence's agent with the header", () => {
  it('on a kept connection, whatever other headers it has', async () => {
    const kept = new https.Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round++)
      for (const [, headers] of ATTEMPTS) expect(await get(headers, kept)).toBe('blue');
    kept.destroy();
    expect(agent.seen).toHaveLength(3 * ATTEMPTS.length);
    for (const fields of agent.seen) expect(fields).toEqual(['x-dev: alice']);
  });

  it('when it is pipelined after another', async () => {
    const answers = await raw(
      'GET /1 HTTP/1.1\r\nHost: $HOST\r\nX-Dev: bob\r\n\r\n' +
        'POST /2 HTTP/1.1\r\nHost: $HOST\r\nContent-Length: 12\r\n\r\nx-dev: bob\r\n' +
        'GET /3 HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n',
    );
    expect(answers.match(/\r\n\r\nblue/g)).toHaveLength(3);
    expect(agent.seen).toEqual([['x-dev: alice'], ['x-dev: alice'], ['x-dev: alice']]);
  });

  it('even if it names the header in Connection, which would remove it', async () => {
    const answers = await raw(
      'GET / HTTP/1.1\r\nHost: $HOST\r\nConnection: close, X-Dev\r\nX-Dev: bob\r\n\r\n',
    );
    expect(answers).toContain('blue');
    expect(agent.seen).toEqual([['x-dev: alice']]);
  });

  it('even if it has the header among its trailers', async () => {
    const answers = await raw(
      'POST / HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: x-dev\r\n\r\n' +
        '1\r\nx\r\n0\r\nX-Dev: bob\r\n\r\n',
    );
    expect(answers).toContain('blue');
    expect(agent.seen).toEqual([['x-dev: alice']]);
  });

  it.each([
    ['a space before the colon', 'X-Dev : bob'],
    ['a folded line', 'X-Other: a\r\n x-dev: bob'],
    ['a bare line feed', 'X-Other: a\nX-Dev: bob'],
    ['a null byte', 'X-Dev: bob\0'],
  ])('unless it is refused for %s', async (_, field) => {
    const answers = await raw(`GET / HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n${field}\r\n\r\n`);
    expect(answers).toMatch(/^HTTP\/1\.1 400 /);
    expect(agent.seen).toEqual([]);
  });

  it('over HTTP/2, many on one connection', async () => {
    const session = await deployment.connectHttp2();
    const answers = await Promise.all(
      ATTEMPTS.map(([, headers]) =>
        deployment.sendOver(session, preview.hostname, '/', {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
          ) as Record<string, string>,
        }),
      ),
    );
    expect(answers.map(({ body }) => body)).toEqual(ATTEMPTS.map(() => 'blue'));
    for (const fields of agent.seen) expect(fields).toEqual(['x-dev: alice']);
    expect(agent.seen).toHaveLength(ATTEMPTS.length);
  });

  it.each(ATTEMPTS)('when it opens a WebSocket, with %s', async (_, headers) => {
    const socket = new WebSocket(`wss://${preview.hostname}:${deployment.port}/`, {
      ca: deployment.ca,
      lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
      headers: headers as Record<string, string>,
    });
    await once(socket, 'open');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('blue hello');
    socket.terminate();
    expect(agent.seen).toEqual([['x-dev: alice']]);
  });

  it('when it opens a WebSocket over HTTP/2', async () => {
    const session = await deployment.connectHttp2();
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/',
        ':authority': `${preview.hostname}:${deployment.port}`,
        'sec-websocket-version': '13',
        'x-dev': 'bob',
      },
      { endStream: false },
    );
    const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }];
    expect(fields[':status']).toBe(200);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    expect(agent.seen).toEqual([['x-dev: alice']]);
  });

  it('while requests beside the preview stay with the application', async () => {
    const direct = await fetch(`http://127.0.0.1:${agentPort}/`, { headers: { 'x-dev': 'bob' } });
    expect(await direct.text()).toBe('green');
  });
});
