/** Sends a recorded request to its service once more. It is recorded like any other. */
import { createSecureContext } from 'node:tls';
import { Http1Watch } from '@culvert/client';
import { Framing, type RequestHead } from '@culvert/http1';
import type { CreateReplayRequest, ReplayResource } from '@culvert/contract';
import { connectIngress, describeFailure } from '@culvert/outbound';
import type { InspectedEndpoint } from './inspected-endpoint.js';
import type { LocalExchanges } from './local-exchanges.js';
import type { LocalBody, RecordedExchange } from './recorded-exchange.js';

const REPLAY_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** Fields that frame the message or belong to one connection. They are written anew. */
const REWRITTEN = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Why a replay was not sent, or got no response. */
export class LocalReplayError extends Error {
  constructor(
    readonly status: 404 | 409 | 502 | 504,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Resolves when the service has answered. Rejects with a LocalReplayError. */
export async function sendReplay(
  exchanges: LocalExchanges,
  wanted: CreateReplayRequest,
): Promise<ReplayResource> {
  const original = exchanges.find(wanted.exchangeId ?? '');
  if (original === null)
    throw new LocalReplayError(404, 'exchange_not_found', 'The exchange to repeat is no longer kept.');
  if (original.request.upgrade !== '' || original.request.otherUpgrade !== '')
    throw new LocalReplayError(409, 'exchange_not_repeatable', 'A WebSocket cannot be repeated.');
  const message = messageOf(original, wanted);
  return new Promise((resolve, reject) => {
    new Sending(exchanges, original, message, resolve, reject).start();
  });
}

/** One request on its way, and its response. */
class Sending {
  private record: RecordedExchange | null = null;
  private readonly startedMs = performance.now();
  private readonly startedAt = new Date().toISOString();
  private firstByteMs = 0;
  private read = 0;
  private isOver = false;
  private readonly timer = setTimeout(() => this.cut(), REPLAY_TIMEOUT_MS);

  constructor(
    private readonly exchanges: LocalExchanges,
    private readonly original: RecordedExchange,
    private readonly message: Buffer,
    private readonly resolve: (replay: ReplayResource) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  private readonly watch = new Http1Watch(
    ({ state, failure }) => {
      if (state === 'ended') this.finish(failure);
    },
    {
      begin: (head) => {
        const begun = this.exchanges.recorderOf(this.original.endpoint).begin(head) as RecordedExchange;
        begun.isReplay = true;
        begun.replayOf = this.original.id;
        this.record = begun;
        return begun;
      },
    },
  );

  start(): void {
    const socket = connectTo(this.original.endpoint, (chunk) => {
      this.firstByteMs ||= performance.now() - this.startedMs;
      this.read += chunk.length;
      this.watch.handleResponseBytes(chunk);
      if (this.read > MAX_READ_BYTES) this.cut();
    });
    this.destroy = () => socket.destroy();
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      if (socket.connecting) socket.destroy(new Error('no connection in time'));
    });
    this.watch.handleRequestBytes(this.message);
    socket.write(this.message);
    socket.on('end', () => {
      this.watch.handleResponseEnd();
      socket.end();
    });
    socket.on('error', (error) => this.watch.handleClose(describeFailure(error, 'connecting').detail));
    socket.on('close', () => this.watch.handleClose(null));
  }

  private destroy: () => void = () => {};

  private cut(): void {
    this.finish(null, 'cut');
    this.watch.handleClose('cut');
  }

  private finish(failure: string | null, end: ReplayResource['end'] = 'complete'): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.destroy();
    const { record } = this;
    if (record === null || record.response === null) {
      const isLate = end === 'cut';
      this.reject(
        new LocalReplayError(
          isLate ? 504 : 502,
          isLate ? 'response_timeout' : 'ingress_refused',
          isLate
            ? 'The service did not respond in time.'
            : `The service did not respond: ${failure ?? 'no response'}.`,
        ),
      );
      return;
    }
    const shown = record.show();
    this.resolve({
      exchangeId: record.id,
      replayOf: record.replayOf,
      startedAt: this.startedAt,
      status: record.response.status,
      response: shown.response ?? { fields: [], isTruncated: false },
      body: record.showBodies()?.response ?? null,
      firstByteMs: Math.round(this.firstByteMs * 100) / 100,
      durationMs: Math.round((performance.now() - this.startedMs) * 100) / 100,
      end: failure === null ? end : 'broken',
    });
  }
}

function connectTo({ target, verifyTls }: InspectedEndpoint, onData: (chunk: Buffer) => void) {
  const { host, port, isTls } = target;
  const tls = isTls
    ? { name: host, verify: verifyTls, alpn: 'http/1.1' as const, secureContext: createSecureContext() }
    : null;
  return connectIngress({ host, port, tls }, onData);
}

/** Returns the bytes of the request. */
function messageOf({ request, requestBody }: RecordedExchange, wanted: CreateReplayRequest): Buffer {
  const { method = request.method, target = request.target, headers } = wanted;
  const body = bodyOf(requestBody, request, wanted);
  const own = Array.from({ length: request.count }, (_, i) => ({
    name: request.name(i),
    value: request.value(i),
  }));
  const host = request.valueNamed('host') ?? '';
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
  for (const { name, value } of headers ?? own)
    if (!REWRITTEN.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  if (body.length > 0 || !['GET', 'HEAD'].includes(method)) lines.push(`Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

function bodyOf(recorded: LocalBody | null, request: RequestHead, { body }: CreateReplayRequest): Buffer {
  if (body?.text !== undefined) return Buffer.from(body.text);
  if (body?.base64 !== undefined) return Buffer.from(body.base64, 'base64');
  const { framing, contentLength } = request;
  const hasHadOne = framing === Framing.CHUNKED || (framing === Framing.LENGTH && contentLength > 0);
  if (recorded === null ? hasHadOne : !recorded.isWhole) {
    throw new LocalReplayError(
      409,
      'exchange_not_repeatable',
      'The body was not captured as a whole: no page was open, or it is too long. Edit the request to give it one.',
    );
  }
  return Buffer.from(recorded?.content ?? '');
}
