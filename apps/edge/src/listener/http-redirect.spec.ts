import { once } from 'node:events';
import net from 'node:net';
import { StartError } from '@culvert/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpRedirect, openHttpRedirect } from './http-redirect.js';

const PUBLIC = {
  scheme: 'https',
  appHost: 'culvert.test',
  appHostname: 'culvert.test',
  port: 443,
  previewDomain: 'preview.test',
} as const;

describe('the redirect to https', () => {
  let redirect: HttpRedirect;
  beforeEach(async () => {
    redirect = await open(0);
  });
  afterEach(() => redirect.close());

  const open = async (httpRedirectPort: number, change: object = {}): Promise<HttpRedirect> =>
    (await openHttpRedirect({
      listen: { port: 0, host: '127.0.0.1', adminPort: null, metrics: null },
      httpRedirectPort,
      public: { ...PUBLIC, ...change },
    }))!;

  /** Sends the lines of a head. Returns status and location of the response, or '' if there is none. */
  async function send(...lines: string[]): Promise<string> {
    const socket = net.connect(redirect.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write([...lines, '', ''].join('\r\n'));
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? [];
    const [, location = ''] = /^location: (.*)\r$/im.exec(text) ?? [];
    return `${status} ${location}`.trim();
  }

  it.each([
    ['GET / HTTP/1.1', 'culvert.test', '308 https://culvert.test/'],
    ['GET /a?b=c%20d HTTP/1.1', 'Culvert.Test:80', '308 https://culvert.test/a?b=c%20d'],
    ['POST /hook HTTP/1.1', 'quiet-heron.preview.test', '308 https://quiet-heron.preview.test/hook'],
    ['GET //evil.test/ HTTP/1.1', 'culvert.test', '308 https://culvert.test//evil.test/'],
    ['GET / HTTP/1.1', 'evil.test', '404'],
    ['GET / HTTP/1.1', 'preview.test', '404'],
    ['GET / HTTP/1.1', 'a.b.preview.test', '404'],
    ['GET / HTTP/1.1', 'evil.test#.preview.test', '404'],
    ['GET / HTTP/1.1', 'evil.test/.preview.test', '404'],
    ['GET / HTTP/1.1', '192.0.2.1', '404'],
    ['GET http://evil.test/ HTTP/1.1', 'culvert.test', '404'],
    ['OPTIONS * HTTP/1.1', 'culvert.test', '404'],
  ])('answers %s for %s with %s', async (line, host, answer) => {
    expect(await send(line, `Host: ${host}`, 'Connection: close')).toBe(answer);
  });

  it('refuses requests without a host, malformed ones and heads that are too large', async () => {
    expect(await send('GET / HTTP/1.1')).toBe('400');
    expect(await send('hello')).toBe('400');
    expect(await send('GET / HTTP/1.1', 'Host: culvert.test', `X: ${'x'.repeat(20_000)}`)).toBe('431');
  });

  it('names the port of visitors unless it is 443', async () => {
    redirect.close();
    redirect = await open(0, { port: 8443 });
    expect(await send('GET / HTTP/1.1', 'Host: culvert.test')).toBe('308 https://culvert.test:8443/');
  });

  it('reports a port that is in use by the name of its setting', async () => {
    const { port } = redirect;
    await expect(open(port)).rejects.toThrow(StartError);
    await expect(open(port)).rejects.toThrow(`HTTP_REDIRECT_PORT: ${port} is in use`);
  });
});
