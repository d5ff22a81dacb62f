import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { Relay } from '../relay.js';
import { OPEN_GATE } from '../routing/access-gate.js';
import { StreamPools } from '../upstream/stream-pools.js';
import type { HandedOffStream } from './handed-off-stream.js';

/** What happened to the handed-off stream, in order. */
class Recorder {
  readonly events: string[] = [];
  private waiting: (() => void)[] = [];

  constructor(readonly stream: HandedOffStream) {
    stream.handler = {
      onData: (chunk) => this.record(chunk.toString()),
      onEnd: () => this.record('end'),
      onDrain: () => this.record('drain'),
      onClose: () => this.record('close'),
    };
  }

  async until(event: string): Promise<void> {
    while (!this.events.includes(event)) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private record(event: string): void {
    this.events.push(event);
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

describe('a stream that is handed off', () => {
  let relay: Relay;
  let server: net.Server;
  let session: ClientHttp2Session;
  let received: Recorder[];
  let whenReceived: () => void;

  beforeEach(async () => {
    received = [];
    whenReceived = () => {};
    const receive = (stream: HandedOffStream): void => {
      received.push(new Recorder(stream));
      whenReceived();
    };
    relay = new Relay({
      routes: { find: () => null },
      gate: OPEN_GATE,
      limits: { ...DEFAULT_RELAY_LIMITS, idleTimeoutMs: 300 },
      pools: new StreamPools(),
      handOff: {
        ofStream: (request, hostname) =>
          hostname === 'app.test' && request.target === '/tunnel' ? receive : null,
      },
      onFault: (error) => expect.unreachable(String(error)),
    });
    server = net.createServer({ allowHalfOpen: true }, (socket) =>
      relay.accept(socket, { isSecure: false, protocol: 'h2' }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.on('error', () => {});
  });

  afterEach(() => {
    session.destroy();
    relay.close();
    server.close();
  });

  const request = (path = '/tunnel', options: http2.ClientSessionRequestOptions = {}): ClientHttp2Stream =>
    session
      .request({ ':method': 'POST', ':path': path, ':authority': 'app.test', 'x-key': 'k' }, options)
      .on('error', () => {});

  const open = async (options: http2.ClientSessionRequestOptions = {}) => {
    const arrival = new Promise<void>((resolve) => (whenReceived = resolve));
    const client = request('/tunnel', options);
    await arrival;
    return { client, recorder: received.at(-1)!, stream: received.at(-1)!.stream };
  };

  const text = async (client: ClientHttp2Stream): Promise<string> => {
    let all = '';
    client.on('data', (chunk) => (all += String(chunk)));
    await once(client, 'end');
    return all;
  };

  it('carries bytes both ways and ends with trailers', async () => {
    const { client, recorder, stream } = await open();
    expect(stream.head.target).toBe('/tunnel');
    expect(stream.peer).toBe('127.0.0.1');
    stream.respond({ 'content-type': 'application/grpc' });
    const [head] = (await once(client, 'response')) as [Record<string, unknown>];
    expect(head).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
    stream.resume();
    client.write('hello');
    await recorder.until('hello');
    const answer = text(client);
    const trailers = once(client, 'trailers');
    stream.write(Buffer.from('welcome'));
    stream.end({ 'grpc-status': '0' });
    expect(await answer).toBe('welcome');
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
    await recorder.until('close');
  });

  it('answers with a head alone', async () => {
    const { client, recorder, stream } = await open();
    stream.end({ 'grpc-status': '16', 'grpc-message': 'no key' });
    const [head] = (await once(client, 'response')) as [Record<string, unknown>];
    expect(head).toMatchObject({ ':status': 200, 'grpc-status': '16' });
    expect(await text(client)).toBe('');
    await recorder.until('close');
  });

  it('is closed by the end of the request when its answer was complete before', async () => {
    const batch = DEFAULT_RELAY_LIMITS.http2.maxStreams;
    // Twice as many as may be open at once, in less time than there is between two sweeps.
    for (const path of Array<string>(2).fill('/tunnel')) {
      const before = received.length;
      const arrived = new Promise<void>((resolve) => {
        whenReceived = () => received.length === before + batch && resolve();
      });
      const clients = Array.from({ length: batch }, () => request(path));
      await arrived;
      for (const { stream } of received.slice(before)) stream.end({ 'grpc-status': '12' });
      const codes = clients.map(async (client) => {
        client.resume().end('dropped');
        await once(client, 'close');
        return client.rstCode;
      });
      expect(await Promise.all(codes)).toEqual(Array(batch).fill(http2.constants.NGHTTP2_NO_ERROR));
    }
    for (const recorder of received) await recorder.until('close');
    for (const { events } of received) expect(events).toEqual(['close']);
  });

  it('reports that the visitor has sent everything, and lets the answer continue', async () => {
    const { client, recorder, stream } = await open();
    stream.resume();
    client.end('last');
    await recorder.until('end');
    expect(recorder.events).toEqual(['last', 'end']);
    stream.respond({});
    stream.write(Buffer.from('still here'));
    stream.end({ 'x-status': '0' });
    expect(await text(client)).toBe('still here');
  });

  it('reports the end of a request without a body', async () => {
    const { recorder, stream } = await open({ endStream: true });
    stream.resume();
    await recorder.until('end');
    stream.end({});
    await recorder.until('close');
    expect(recorder.events).toEqual(['end', 'close']);
  });

  it('holds back bytes while it is paused', async () => {
    const { client, recorder, stream } = await open();
    stream.resume();
    client.write('a');
    await recorder.until('a');
    stream.pause();
    client.write('b');
    await new Promise((resolve) => session.ping(resolve));
    expect(recorder.events).toEqual(['a']);
    stream.resume();
    await recorder.until('b');
  });

  it('makes the writer wait for a visitor that does not read', async () => {
    const { client, recorder, stream } = await open();
    stream.respond({});
    client.pause();
    let written = 0;
    while (stream.write(Buffer.alloc(65_536))) written += 65_536;
    expect(written).toBeLessThan(1_000_000);
    client.resume();
    await recorder.until('drain');
  });

  it.each([
    [
      'resets it',
      ({ client }: { client: ClientHttp2Stream }) => client.close(http2.constants.NGHTTP2_CANCEL),
    ],
    ['drops the connection', () => session.destroy()],
  ])('closes once when the visitor %s', async (_what, act) => {
    const { client, recorder, stream } = await open();
    stream.resume();
    client.write('a');
    await recorder.until('a');
    act({ client });
    await recorder.until('close');
    stream.write(Buffer.from('dropped'));
    stream.end({});
    stream.reset();
    expect(recorder.events.filter((event) => event === 'close')).toHaveLength(1);
  });

  it('can be reset', async () => {
    const { client, recorder, stream } = await open();
    stream.reset();
    await once(client, 'close');
    expect(client.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    await recorder.until('close');
  });

  it('keeps its connection open beyond the idle time', async () => {
    const { client, stream } = await open();
    stream.respond({});
    await once(client, 'response');
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(session.closed).toBe(false);
    stream.end({});
    await once(session, 'close');
  });

  it('does not delay the stop of the relay, while an exchange beside it does', async () => {
    const { recorder } = await open();
    expect(relay.connectionCount).toBe(1);
    await relay.drain(10_000);
    expect(recorder.events).toEqual([]);
    relay.close();
    await recorder.until('close');
  });

  it('leaves other requests to the exchanges', async () => {
    const client = request('/other');
    const [head] = (await once(client, 'response')) as [Record<string, unknown>];
    expect(head[':status']).toBe(404);
    expect(received).toEqual([]);
  });
});
