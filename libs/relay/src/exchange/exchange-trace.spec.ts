import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startRig, type Rig } from '../spec/relay-rig.js';
import { BodyCapture, type BegunExchange, type ExchangeObserver, ExchangeTrace } from './exchange-trace.js';

/** Keeps every trace, and notifies when one ends. */
class Recorder implements ExchangeObserver {
  readonly ended: ExchangeTrace[] = [];
  readonly answeredWith: (number | null)[] = [];
  private waiting: (() => void)[] = [];

  constructor(private readonly maxBodyBytes: number | null = null) {}

  begin(exchange: BegunExchange): ExchangeTrace {
    const capture = () =>
      this.maxBodyBytes === null ? null : new BodyCapture(this.maxBodyBytes, (bytes) => bytes);
    return new ExchangeTrace(exchange, this, capture(), capture());
  }
  answered(trace: ExchangeTrace): void {
    this.answeredWith.push(trace.status);
  }
  trailed(): void {}
  readerFailed(error: unknown): void {
    throw error;
  }
  end(trace: ExchangeTrace): void {
    this.ended.push(trace);
    for (const wake of this.waiting.splice(0)) wake();
  }
  async next(): Promise<ExchangeTrace> {
    while (this.ended.length === 0) await new Promise<void>((wake) => this.waiting.push(wake));
    return this.ended.shift()!;
  }
}

describe('the trace of an exchange', () => {
  let rig: Rig;
  afterEach(async () => rig.stop());

  const watch = (recorder: Recorder) => void rig.relay.observers.set('p1', recorder);

  it('records steps, status and bytes', async () => {
    rig = await startRig((request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(201).end('made'));
    });
    const recorder = new Recorder();
    watch(recorder);
    await rig.fetch('/things?x=1', { method: 'POST', body: 'body' });
    const trace = await recorder.next();
    expect(trace).toMatchObject({ status: 201, error: null, waitMs: null, requestBody: null });
    expect(trace.exchange).toMatchObject({ httpVersion: '1.1', peer: '127.0.0.1' });
    expect(trace.exchange.request.target).toBe('/things?x=1');
    for (const ms of [trace.gateMs, trace.firstByteMs, trace.bodyMs]) expect(ms).toBeGreaterThanOrEqual(0);
    expect(trace.bytesIn).toBeGreaterThan('body'.length);
    expect(trace.bytesOut).toBeGreaterThan('made'.length);
    await rig.fetch('/again');
    // The connection was kept.
    expect((await recorder.next()).connectMs).toBe(0);
    expect(recorder.answeredWith).toEqual([201, 201]);
  });

  it('captures the content of bodies, whatever their framing, up to a limit', async () => {
    rig = await startRig((request, response) => {
      request.resume();
      request.on('end', () => {
        response.write('0123456789');
        response.end('abcdefghij');
      });
    });
    const recorder = new Recorder(15);
    watch(recorder);
    const visitor = net.connect(rig.port, '127.0.0.1');
    visitor.write(
      'POST / HTTP/1.1\r\nHost: demo.preview.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    );
    const { requestBody, responseBody } = await recorder.next();
    visitor.destroy();
    expect(requestBody?.read().content.toString()).toBe('body');
    const { content, isTruncated } = responseBody!.read();
    expect('0123456789abcdefghij'.startsWith(content.toString())).toBe(true);
    expect([content.length > 5, isTruncated]).toEqual([true, true]);
  });

  it('records waiting, and answers that do not come from the service', async () => {
    rig = await startRig((_request, response) => response.end(), {
      limits: {
        managerWaitMs: 60_000,
      },
    });
    const recorder = new Recorder();
    watch(recorder);
    rig.disconnect();
    const answer = rig.fetch('/');
    await rig.whenWaiting();
    rig.reconnect();
    await answer;
    const waited = await recorder.next();
    expect(waited.waitMs).toBeGreaterThanOrEqual(0);
    expect(waited.status).toBe(200);
  });

  it('records failures, and visitors that leave', async () => {
    rig = await startRig((request) => {
      if (request.url === '/fail') request.socket.destroy();
    });
    const recorder = new Recorder();
    watch(recorder);
    expect((await rig.fetch('/fail', { method: 'POST' })).status).toBe(502);
    expect(await recorder.next()).toMatchObject({ status: 502, error: 'ingress_closed', response: null });
    const visitor = net.connect(rig.port, '127.0.0.1');
    visitor.write('GET /slow HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n');
    await rig.whenServing(2);
    visitor.destroy();
    expect(await recorder.next()).toMatchObject({ status: null, error: 'cancelled' });
  });

  it('records a switch to WebSocket, and its end', async () => {
    rig = await startRig(null, {
      serve: (socket) => {
        socket.once('data', () =>
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
          ),
        );
        socket.on('end', () => socket.end());
      },
    });
    const recorder = new Recorder(100);
    watch(recorder);
    const visitor = net.connect(rig.port, '127.0.0.1');
    visitor.write(
      'GET / HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await once(visitor, 'data');
    expect(recorder.answeredWith).toEqual([101]);
    visitor.end('bytes');
    expect(await recorder.next()).toMatchObject({ status: 101, error: null });
  });

  it('is not made for a preview without an observer', async () => {
    rig = await startRig((_request, response) => response.end());
    const recorder = new Recorder();
    rig.relay.observers.set('another', recorder);
    await rig.fetch('/');
    expect(recorder.ended).toEqual([]);
  });
});
