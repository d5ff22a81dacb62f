import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseFile } from './file/parse-file.js';
import { type PathPlan, pathsOf } from './file/read-file.js';
import { PathProxy } from './path-proxy.js';

const PREVIEW = {
  id: '1',
  interceptId: '2',
  hostname: 'a.preview.test',
  url: 'https://a.preview.test:8443',
};

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startService(handle: http.RequestListener): Promise<number> {
  const server = http.createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers with what the service received. */
const echo: http.RequestListener = (request, response) =>
  response.end(JSON.stringify({ url: request.url, ...request.headers }));

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

class Rig {
  readonly failures: string[] = [];
  readonly faults: unknown[] = [];
  private readonly proxy = new PathProxy({
    onFailure: ({ path }: PathPlan, { detail }) => this.failures.push(`${path}: ${detail}`),
    onFault: (error) => this.faults.push(error),
  });
  private port = 0;

  static async start(content: string): Promise<Rig> {
    const rig = new Rig();
    rig.port = (await rig.proxy.listen()).port;
    cleanUps.push(() => rig.proxy.stop(0));
    rig.configure(content);
    return rig;
  }

  /** @param content the endpoint as in a file, in the flow style */
  configure(content: string): void {
    const parsed = parseFile(`endpoints: { a: ${content} }`, 'culvert.yaml', {}).content.endpoints['a'];
    this.proxy.configure({ preview: PREVIEW, paths: pathsOf(parsed), content: parsed });
  }

  async open(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<http.IncomingMessage> {
    const request = http.get({
      host: '127.0.0.1',
      port: this.port,
      path,
      agent: false,
      headers: { host: 'a.preview.test:8443', ...headers },
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return response;
  }

  async get(path: string, headers?: http.OutgoingHttpHeaders): Promise<Answer> {
    const response = await this.open(path, headers);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    return { status: response.statusCode, headers: response.headers, text };
  }
}

describe(PathProxy.name, () => {
  it('addresses each service as if it were opened at its own address', async () => {
    const port = await startService(echo);
    const rig = await Rig.start(`{ paths: { /: 1, /api: { target: ${port}, stripPrefix: true } } }`);
    const { text } = await rig.get('/api/x?y', {
      origin: PREVIEW.url,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'https',
    });
    expect(JSON.parse(text)).toMatchObject({
      url: '/x?y',
      host: `localhost:${port}`,
      origin: `http://localhost:${port}`,
      'x-forwarded-prefix': '/api',
      'x-forwarded-for': '192.0.2.1',
    });
    expect(text).not.toMatch(/"(?:forwarded|x-forwarded-(?:host|proto|port))"/);
  });

  it('passes what the edge says of the visitor to a service that knows the URL', async () => {
    const port = await startService(echo);
    const rig = await Rig.start(`{ hostHeader: preview, paths: { /: ${port} } }`);
    const { text } = await rig.get('/', {
      origin: PREVIEW.url,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'https',
    });
    expect(JSON.parse(text)).toMatchObject({
      host: 'a.preview.test:8443',
      origin: PREVIEW.url,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'https',
    });
  });

  it('tells services the visitor whom the edge names, behind a balancer and whatever the visitor claims', async () => {
    const port = await startService(echo);
    // What an edge writes that trusts the balancer 10.0.0.5; the visitor sent the first address.
    const ofEdge = {
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.0.0.5',
      'x-forwarded-host': 'a.preview.test:8443',
      'x-forwarded-proto': 'https',
      forwarded: 'for=203.0.113.9;host="a.preview.test:8443";proto=https',
    };
    const own = await (await Rig.start(`{ paths: { /: ${port} } }`)).get('/', ofEdge);
    expect(JSON.parse(own.text)).toMatchObject({ 'x-forwarded-for': '203.0.113.9' });
    const knowing = await (
      await Rig.start(`{ hostHeader: preview, paths: { /: ${port} } }`)
    ).get('/', ofEdge);
    expect(JSON.parse(knowing.text)).toMatchObject(ofEdge);
  });

  it('translates redirects and cookies of a service to the URL', async () => {
    const port = await startService((_request, response) => {
      const { port: own } = response.socket!.address() as AddressInfo;
      response.writeHead(302, {
        location: `http://localhost:${own}/next`,
        'set-cookie': 'a=1; Domain=localhost; Path=/',
      });
      response.end();
    });
    const rig = await Rig.start(`{ paths: { /: ${port} } }`);
    const { status, headers } = await rig.get('/');
    expect([status, headers.location, headers['set-cookie']]).toEqual([
      302,
      `${PREVIEW.url}/next`,
      ['a=1; Path=/'],
    ]);
  });

  it('refuses other hosts, so that pages of other sites cannot reach the services through its port', async () => {
    const port = await startService(echo);
    const rig = await Rig.start(`{ paths: { /: ${port} } }`);
    for (const host of ['localhost', '127.0.0.1', 'rebound.test', 'x.a.preview.test'])
      expect((await rig.get('/', { host })).status).toBe(404);
  });

  it('answers 404 to a path without a service', async () => {
    const rig = await Rig.start(`{ paths: { /api: ${await startService(echo)} } }`);
    expect((await rig.get('/')).status).toBe(404);
    expect((await rig.get('/api')).status).toBe(200);
  });

  it('reports a service that does not answer, and serves the others', async () => {
    const rig = await Rig.start(`{ paths: { /: ${await startService(echo)}, /api: "127.0.0.1:1" } }`);
    expect((await rig.get('/api')).status).toBe(502);
    expect((await rig.get('/')).status).toBe(200);
    expect(rig.failures).toEqual([expect.stringMatching(/^\/api: .*ECONNREFUSED/)]);
    expect(rig.faults).toEqual([]);
  });

  it('sends requests to other services after a change, and completes those in progress', async () => {
    let finish = (): void => {};
    const slow = await startService((_request, response) => {
      response.write('begun ');
      finish = () => response.end('finished');
    });
    const rig = await Rig.start(`{ paths: { /: ${slow} } }`);
    const response = await rig.open('/');
    rig.configure(`{ paths: { /: ${await startService((_, answer) => answer.end('next'))} } }`);
    expect((await rig.get('/')).text).toBe('next');
    finish();
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    expect(text).toBe('begun finished');
  });
});
