import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';

/** The main job end to end: visitor, standalone process, tunnel, traffic manager process, real service. */
let deployment: Deployment;
let preview: Preview;
let service: http.Server;
let port: number;

beforeAll(async () => {
  service = http.createServer((request, response) => void serve(request, response));
  const sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (!isBinary && (data as Buffer).toString() === 'close me') socket.close(4321, 'as you wish');
      else socket.send(data, { binary: isBinary });
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  // As with `npm start`: the database is embedded.
  deployment = await startDeployment({ DATA_DIR: 'memory' });
  await deployment.startManager();
  preview = await deployment.createPreview((service.address() as AddressInfo).port);
  port = deployment.port;
});

afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
});

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  switch (request.url) {
    case '/echo': {
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'x-method': request.method,
        'x-headers': JSON.stringify(request.headers),
      });
      request.pipe(response);
      return;
    }
    case '/clock': {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let i = 0; i < 5; i++) {
        response.write(`data: ${i}\n\n`);
        // The next event is sent only after the test has asked for it: buffering would cause a hang.
        await once(service, 'next-event');
      }
      response.end();
      return;
    }
    case '/trailers': {
      const hash = createHash('sha256');
      for await (const chunk of request) hash.update(chunk as Buffer);
      response.writeHead(200, { trailer: 'x-digest' });
      response.write('body');
      response.addTrailers({ 'x-digest': hash.digest('hex'), 'x-got': String(request.trailers['x-sent']) });
      response.end();
      return;
    }
    case '/huge': {
      const block = Buffer.alloc(65_536);
      const write = (): void => {
        while (!response.destroyed && response.write(block)) {
          // Continues as long as the client reads.
        }
        if (!response.destroyed) response.once('drain', write);
      };
      write();
      return;
    }
    default:
      response.end(`${request.method} ${request.url}`);
  }
}

describe('a visitor', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    'uses %s',
    async (method) => {
      const body = method === 'TRACE' ? undefined : `${method} payload`;
      const result = await visit(port, preview.hostname, '/echo', { method, ...(body ? { body } : {}) });
      expect(result.status).toBe(200);
      expect(result.headers['x-method']).toBe(method);
      expect(result.body.toString()).toBe(body ?? '');
    },
  );

  it('uses HEAD', async () => {
    const result = await visit(port, preview.hostname, '/x', { method: 'HEAD' });
    expect(result.status).toBe(200);
    expect(result.body).toHaveLength(0);
  });

  it('is identified to the service, and cannot forge that', async () => {
    const result = await visit(port, preview.hostname, '/echo', {
      headers: {
        'x-forwarded-for': '1.1.1.1',
        'x-telepresence-intercept-id': 'forged',
        connection: 'x-a',
        'x-a': 'b',
      },
    });
    expect(JSON.parse(result.headers['x-headers'] as string)).toEqual({
      host: 'web.internal',
      'x-telepresence-intercept-id': preview.interceptId,
      'x-culvert-hop': expect.any(String),
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': preview.hostname,
      'x-forwarded-proto': 'http',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
      forwarded: `for=127.0.0.1;host=${preview.hostname};proto=http`,
    });
  });

  it('receives events one by one', async () => {
    const request = http.get({
      port,
      host: '127.0.0.1',
      path: '/clock',
      headers: { host: preview.hostname },
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    for (let i = 0; i < 5; i++) {
      const [chunk] = (await once(response, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(`data: ${i}\n\n`);
      service.emit('next-event');
    }
    await once(response, 'end');
  });

  it('sends and receives trailers', async () => {
    const request = http.request({
      port,
      host: '127.0.0.1',
      path: '/trailers',
      method: 'POST',
      headers: { host: preview.hostname, 'transfer-encoding': 'chunked', trailer: 'x-sent', te: 'trailers' },
    });
    request.write('part one, ');
    request.addTrailers({ 'x-sent': 'yes' });
    request.end('part two');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    expect(response.trailers).toEqual({
      'x-digest': createHash('sha256').update('part one, part two').digest('hex'),
      'x-got': 'yes',
    });
  });

  it('is asked for its body by the service with 100 Continue', async () => {
    const request = http.request({
      port,
      host: '127.0.0.1',
      path: '/echo',
      method: 'PUT',
      headers: { host: preview.hostname, expect: '100-continue', 'content-length': 5 },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('hello');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const [chunk] = (await once(response, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hello');
  });

  it('uses a WebSocket: text, binary and close codes', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=1`, {
      headers: { host: preview.hostname },
    });
    await once(socket, 'open');
    socket.send('grüße');
    expect(await once(socket, 'message')).toEqual([Buffer.from('grüße'), false]);
    const binary = Buffer.alloc(300_000, 7);
    socket.send(binary);
    const [echoed, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    expect(isBinary && echoed.equals(binary)).toBe(true);
    socket.send('close me');
    expect(await once(socket, 'close')).toEqual([4321, Buffer.from('as you wish')]);
  });

  it('is not slowed down by another visitor that reads slowly', async () => {
    const slow = net.connect(port, '127.0.0.1');
    slow.on('error', () => {});
    slow.write(`GET /huge HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`);
    await once(slow, 'data');
    slow.pause();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => visit(port, preview.hostname, `/${i}`, { agent })),
    );
    expect(results.map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 200 }, (_, i) => `GET /${i}`),
    );
    agent.destroy();
    slow.destroy();
  });

  it('gets the same answer for an unknown hostname as for a private preview: the sign-in, or a problem', async () => {
    const page = await visit(port, 'nobody.preview.localhost', '/', { headers: { accept: 'text/html' } });
    expect(page.status).toBe(302);
    expect(page.headers.location).toContain('/preview-access?host=nobody.preview.localhost&');
    const problem = await visit(port, 'nobody.preview.localhost', '/');
    expect(problem.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(problem.body.toString())).toMatchObject({ status: 401, code: 'access_denied' });
    const key = { 'x-ambassador-api-key': deployment.apiKey };
    expect((await visit(port, 'nobody.preview.localhost', '/', { headers: key })).status).toBe(404);
  });

  it('sees which ingress failed, and why', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: closedPort } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const refused = await deployment.createPreview(closedPort);
    const result = await visit(port, refused.hostname, '/');
    expect(result.status).toBe(502);
    expect(JSON.parse(result.body.toString())).toMatchObject({ code: 'ingress_refused' });
    expect(result.body.toString()).toContain(`127.0.0.1:${closedPort}`);
    expect(result.body.toString()).toContain('ECONNREFUSED');

    const unknown = await deployment.createPreview(80, {
      ingress: { host: 'does-not-exist.invalid', port: 80, useTls: false },
    });
    const dns = await visit(port, unknown.hostname, '/');
    expect(dns.status).toBe(502);
    expect(JSON.parse(dns.body.toString())).toMatchObject({ code: 'ingress_dns' });
  });

  it('cannot open a private preview without a key of its team', async () => {
    const secret = await deployment.createPreview((service.address() as AddressInfo).port, {
      access: 'team',
    });
    expect((await visit(port, secret.hostname, '/')).status).toBe(401);
    const wrong = await visit(port, secret.hostname, '/', { headers: { 'x-ambassador-api-key': 'wrong' } });
    expect(wrong.status).toBe(401);
    const right = await visit(port, secret.hostname, '/echo', {
      headers: { 'x-ambassador-api-key': deployment.apiKey },
    });
    expect(right.status).toBe(200);
    expect(right.headers['x-headers']).not.toContain(deployment.apiKey);
  });

  it('sees changes to a preview at once', async () => {
    const changing = await deployment.createPreview((service.address() as AddressInfo).port, {
      access: 'public',
    });
    expect((await visit(port, changing.hostname, '/a')).status).toBe(200);
    await deployment.api('PATCH', `/previews/${changing.id}`, { access: 'team' });
    expect((await visit(port, changing.hostname, '/a')).status).toBe(401);
    await deployment.api('PATCH', `/previews/${changing.id}`, {
      access: 'public',
      addRequestHeaders: { 'x-dev': 'alice' },
    });
    const headers = (await visit(port, changing.hostname, '/echo')).headers['x-headers'] as string;
    expect(JSON.parse(headers)).toMatchObject({ 'x-dev': 'alice' });
    await deployment.api('DELETE', `/previews/${changing.id}`);
    expect((await visit(port, changing.hostname, '/a')).status).toBe(401);
  });
});

describe('a hundred previews', () => {
  it('answer a thousand concurrent requests, each by its own service', async () => {
    const services = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const server = http.createServer((request, response) => response.end(`${i}:${request.url}`));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        return server;
      }),
    );
    const previews: Preview[] = [];
    for (const [i, server] of services.entries()) {
      previews.push(
        await deployment.createPreview((server.address() as AddressInfo).port, {
          intercept: { name: `web-${i}`, workload: `web-${i}`, namespace: 'default' },
        }),
      );
    }
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => visit(port, previews[i % 100].hostname, `/${i}`)),
    );
    expect(results.map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 1000 }, (_, i) => `${i % 100}:/${i}`),
    );
    for (const server of services) {
      server.closeAllConnections();
      server.close();
    }
  });
});
