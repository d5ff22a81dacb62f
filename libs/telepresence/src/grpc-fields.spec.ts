import { once } from 'node:events';
import { createServer, type Http2Session } from 'node:http2';
import { createConnection, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HpackDecoder, HpackEncoder, Http2Error, PREFACE } from '@culvert/http2';
import { addRequestFields, decodeMessage, readResponseFields, type ResponseFields } from './grpc-fields.js';

/** SETTINGS that change nothing, and those that allow no table. */
const SETTINGS = Buffer.from('000000040000000000', 'hex');
const NO_TABLE = Buffer.from('000006040000000000000100000000', 'hex');

function requestBlock(path: string): Buffer {
  const encoder = new HpackEncoder(0);
  encoder.begin();
  addRequestFields(encoder, path);
  return encoder.bytes.subarray(0, encoder.length);
}

function decodeResponseFields(block: Buffer): ResponseFields {
  const decoder = new HpackDecoder({ maxListBytes: 65_536, maxFields: 2048, maxTableBytes: 0 });
  return readResponseFields(decoder.decode(block, 0, block.length));
}

describe('the fields of a gRPC call', () => {
  it('are read as another implementation wrote them, with every printable character', async () => {
    let message = '';
    for (let code = 0x20; code < 0x7f; code++) message += String.fromCharCode(code);
    // Node's server encodes; what it sends is taken from the wire.
    const server = createServer();
    const sessions: Http2Session[] = [];
    server.on('session', (session) => sessions.push(session));
    server.on('stream', (stream) =>
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': '2',
          'grpc-message': `x${message}x`,
        },
        { endStream: true },
      ),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = createConnection((server.address() as { port: number }).port, '127.0.0.1');
    const block = requestBlock('/telepresence.manager.ManagerProxy/HandleConnection');
    const head = Buffer.from([0, 0, block.length, 1, 5, 0, 0, 0, 1]);
    socket.write(Buffer.concat([PREFACE, NO_TABLE, head, block]));
    const fields = decodeResponseFields(await headerBlock(socket));
    // `%20` to `%7e` would be decoded; this text has one percent sign, which is followed by `&`.
    expect(fields).toEqual({ status: 200, grpcStatus: 2, grpcMessage: `x${message}x` });
    socket.destroy();
    for (const session of sessions) session.destroy();
    server.close();
  });

  it('are written so that another implementation reads them', async () => {
    const server = createServer();
    const seen = once(server, 'stream');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = createConnection(port, '127.0.0.1');
    const block = requestBlock('/a.B/C');
    const head = Buffer.from([0, 0, block.length, 1, 5, 0, 0, 0, 1]);
    socket.write(Buffer.concat([PREFACE, SETTINGS, head, block]));
    const [stream, headers] = (await seen) as [{ session: Http2Session }, object];
    expect(headers).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':path': '/a.B/C',
      ':authority': 'manager',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.session.destroy();
    socket.destroy();
    server.close();
  });

  it.each([
    ['an index of 0', '80'],
    ['an index in a dynamic table', 'be'],
    ['a name in a dynamic table', '7f0001'],
    ['a table that was not offered', '3fe11f'],
    ['a string that is cut', '400a'],
    ['a number that is cut', 'ff'],
    ['a number without end', 'ffffffffffffff'],
    ['a Huffman string with wrong padding', '40810001'],
    ['a Huffman string with its end in it', '4084ffffffff00'],
  ])('are refused with %s', (_what, hex) => {
    expect(() => decodeResponseFields(Buffer.from(hex, 'hex'))).toThrow(Http2Error);
  });

  it('have their message decoded for people, on one line and of limited length', () => {
    expect(decodeMessage('caf%C3%A9 %2525 %zz')).toBe('café %25 %zz');
    expect(decodeMessage('a%0d%0ab%1b[31m')).toBe('a b [31m');
    expect(decodeMessage('x'.repeat(9999))).toHaveLength(500);
  });
});

/** Returns the payload of the first HEADERS frame that arrives. */
async function headerBlock(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const piece of socket) {
    bytes = Buffer.concat([bytes, piece as Buffer]);
    for (let at = 0; at + 9 <= bytes.length;) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      if (bytes[at + 3] === 1) return bytes.subarray(at + 9, end);
      at = end;
    }
  }
  throw new Error('no HEADERS');
}
