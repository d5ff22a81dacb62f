import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../spec/relay-rig.js';

/** Protocols other than WebSocket, between real sockets. */
let rig: Rig;
afterEach(async () => rig.stop());

/** A service that answers a request once it `isWhole`, keeps what it got, and echoes what follows. */
async function serve(answer: string, isWhole: (request: string) => boolean, allowUpgrades = true) {
  const requests: string[] = [];
  const echo = (socket: net.Socket): void => {
    let request = '';
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      if (isWhole(request)) {
        socket.write(`echo ${chunk.toString('latin1')}`);
        return;
      }
      request += chunk.toString('latin1');
      if (!isWhole(request)) return;
      requests.push(request);
      socket.write(answer, 'latin1');
    });
  };
  rig = await startRig(null, { serve: echo, allowUpgrades });
  return requests;
}

const hasHead = (request: string): boolean => request.includes('\r\n\r\n');
const HOST = 'Host: demo.preview.test\r\n';
const upgradeTo = (protocol: string): string => `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
const switching = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\n${upgradeTo(protocol)}\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Sends `bytes` and returns what has come once it matches `until`. */
function visit(bytes: string) {
  const socket = net.connect({ port: rig.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.write(bytes, 'latin1');
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(received)) await once(socket, 'data');
    return received;
  };
  return { socket, until };
}

describe('a preview that allows protocols other than WebSocket', () => {
  it.each([
    ['GET of DERP', `GET /derp HTTP/1.1\r\n${HOST}${upgradeTo('DERP')}\r\n`, 'DERP', hasHead],
    ['GET in other letters', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('TCP')}\r\n`, 'tcp', hasHead],
    [
      'POST of SPDY',
      `POST /exec HTTP/1.1\r\n${HOST}${upgradeTo('SPDY/3.1')}Content-Length: 0\r\n\r\n`,
      'SPDY/3.1',
      hasHead,
    ],
    [
      'POST with a length',
      `POST /exec/1/start HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}Content-Length: 12\r\n\r\n{"Tty":true}`,
      'tcp',
      (request: string) => request.endsWith('{"Tty":true}'),
    ],
    [
      'POST in chunks',
      `POST / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      'tcp',
      (request: string) => request.endsWith('0\r\n\r\n'),
    ],
  ])('joins both ends after the 101 to a %s', async (_what, request, protocol, isWhole) => {
    const requests = await serve(switching(protocol), isWhole);
    const { socket, until } = visit(request);
    expect(await until(/\r\n\r\n$/)).toContain(upgradeTo(protocol));
    socket.write('ping');
    expect(await until(/echo ping$/)).toMatch(/^HTTP\/1\.1 101 /);
    expect(requests[0]).toContain(`Upgrade: ${/Upgrade: (.*)\r\n/.exec(request)![1]}\r\n`);
    socket.destroy();
  });

  it('delivers bytes that followed the visitor’s request after the switch', async () => {
    await serve(switching('tcp'), (request) => request.endsWith('{}'));
    const head = `POST / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}Content-Length: 2\r\n\r\n`;
    const { socket, until } = visit(`${head}{}early`);
    expect(await until(/echo early$/)).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it.each([
    ['to another protocol', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}\r\n`, switching('derp')],
    ['to WebSocket', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}\r\n`, switching('websocket')],
    ['from WebSocket', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('websocket')}\r\n`, switching('tcp')],
    ['to h2c', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('h2c')}\r\n`, switching('h2c')],
    ['unasked', `PUT / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}\r\n`, switching('tcp')],
    [
      'within the request',
      `POST / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}Content-Length: 9\r\n\r\n{}`,
      switching('tcp'),
    ],
  ])('answers 502 when the service switches %s', async (_when, request, answer) => {
    await serve(answer, hasHead);
    const { socket, until } = visit(request);
    expect(await until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 502 [\s\S]*X-Culvert-Error: bad_response\r\n/);
    socket.destroy();
  });

  it('ends such connections when it no longer allows them', async () => {
    await serve(switching('tcp'), hasHead);
    const { socket, until } = visit(`GET / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}\r\n`);
    expect(await until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 101 /);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    Object.assign(rig.route, { access: 'team', allowsUpgrades: false });
    await rig.relay.handleAccessChange();
    await closed;
  });

  it('passes on an answer that does not switch protocols, and serves the next request', async () => {
    // Each connection of this service has one request.
    await serve(OK.replace('\r\n', '\r\nConnection: close\r\n'), hasHead);
    const { socket, until } = visit(
      `GET / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
    );
    expect(await until(/ok[\s\S]*ok$/)).not.toContain('101');
    socket.destroy();
  });
});

describe('a preview that does not allow other protocols than WebSocket', () => {
  it.each([
    ['GET', `GET / HTTP/1.1\r\n${HOST}${upgradeTo('tailscale-control-protocol')}\r\n`],
    ['POST', `POST / HTTP/1.1\r\n${HOST}${upgradeTo('tcp')}Content-Length: 2\r\n\r\n{}`],
  ])('refuses a %s that offers one, and explains how to allow it', async (_method, request) => {
    const requests = await serve(switching('tcp'), hasHead, false);
    const { socket, until } = visit(request);
    const answer = await until(/\}\n$/);
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*"code":"upgrade_not_allowed"/);
    expect(answer).toMatch(/allowUpgrades.*--allow-upgrades/);
    expect(requests).toEqual([]);
    socket.destroy();
  });

  it.each(['h2c', 'H2C', 'h2c, websocket', 'h2,h2c', 'TLS/1.2, HTTP/1.1', 'TLS/1.0', 'HTTP/2.0', 'h2c-16'])(
    'ignores the offer %j, which clients do without',
    async (protocols) => {
      const requests = await serve(OK, hasHead, false);
      const { socket, until } = visit(`GET / HTTP/1.1\r\n${HOST}${upgradeTo(protocols)}\r\n`);
      expect(await until(/ok$/)).toMatch(/^HTTP\/1\.1 200 /);
      expect(requests[0]).not.toMatch(/upgrade/i);
      socket.destroy();
    },
  );
});
