import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import {
  ExchangeRecord,
  type MeasuredExchange,
  RelayError,
  Route,
  StreamPools,
  TrustedProxies,
} from '@culvert/relay';
import type { ExchangeLogSettings } from '@culvert/runtime';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ExchangeLog } from './exchange-log.js';

const SETTINGS: ExchangeLogSettings = {
  mode: 'errors',
  slowMs: 1000,
  sampleOneOf: 10,
  perMinute: 6000,
  withQuery: false,
};

const ROUTE = Route.forService('web:80', new StreamPools().open({} as never));

function requestOf(target: string, ...lines: string[]) {
  const bytes = Buffer.from(
    [`GET ${target} HTTP/1.1`, 'Host: shop.preview.test', ...lines, '', ''].join('\r\n'),
  );
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

function exchange(figures: Partial<ExchangeRecord>, request = requestOf('/cart')): MeasuredExchange {
  const record = Object.assign(
    new ExchangeRecord(),
    { status: 200, durationMs: 12.4, firstByteMs: 8.2 },
    figures,
  );
  const requester = { isHttp2: false, peer: '192.0.2.7' };
  return { request, hostname: 'shop.preview.test', requester, route: ROUTE, record };
}

describe(ExchangeLog.name, () => {
  let lines: Record<string, unknown>[];
  beforeEach(() => (lines = []));

  function open(settings: Partial<ExchangeLogSettings> = {}, proxies: string[] = []): ExchangeLog {
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as never) });
    return new ExchangeLog(log, { ...SETTINGS, ...settings }, new TrustedProxies(proxies));
  }

  it('logs a failed exchange with the reference that the visitor was shown', () => {
    const failure = new RelayError('ingress_refused', 'Ingress a:80: connection refused.');
    open().handleEnd(exchange({ failure, error: failure.code, status: 502, firstByteMs: -1, bytesIn: 120 }));
    expect(lines).toMatchObject([
      {
        // The level of a warning, which the demo shows.
        level: 40,
        msg: 'request failed',
        hostname: 'shop.preview.test',
        method: 'GET',
        path: '/cart',
        protocol: 'http/1.1',
        status: 502,
        code: 'ingress_refused',
        detail: 'Ingress a:80: connection refused.',
        reference: failure.reference,
        durationMs: 12,
        bytesIn: 120,
        bytesOut: 0,
        peer: '192.0.2.7',
      },
    ]);
  });

  it('logs failed and slow exchanges by default, and no others', () => {
    const log = open();
    log.handleEnd(exchange({}));
    log.handleEnd(exchange({ status: 404 }));
    log.handleEnd(exchange({ error: 'cancelled', status: 0 }));
    // A long download, a WebSocket or an event stream that began in time.
    log.handleEnd(exchange({ durationMs: 600_000 }));
    expect(lines).toEqual([]);
    log.handleEnd(exchange({ status: 500 }));
    log.handleEnd(exchange({ firstByteMs: 1000, durationMs: 1001 }));
    log.handleEnd(exchange({ firstByteMs: -1, durationMs: 5000, error: 'cancelled', status: 0 }));
    expect(lines.map(({ status, code }) => [status, code])).toEqual([
      [500, undefined],
      [200, undefined],
      [0, 'cancelled'],
    ]);
  });

  it('logs every exchange, one of several, or none, as it is set', () => {
    const log = (mode: ExchangeLogSettings['mode']) => {
      lines = [];
      const opened = open({ mode });
      for (let i = 0; i < 40; i++) opened.handleEnd(exchange({}));
      opened.handleEnd(exchange({ status: 503 }));
      return lines.length;
    };
    expect([log('all'), log('sample'), log('errors'), log('off')]).toEqual([41, 5, 1, 0]);
  });

  it('keeps a flood of one kind from hiding others, and counts what it leaves out', () => {
    const log = open({ mode: 'all' });
    const scan = new RelayError('unknown_host', 'No preview exists at this address.');
    for (let i = 0; i < 10_000; i++)
      log.handleEnd(exchange({ failure: scan, error: scan.code, status: 404 }));
    for (let i = 0; i < 10_000; i++) log.handleEnd(exchange({}));
    expect(lines.length).toBeLessThan(1000);
    const failure = new RelayError('tunnel_lost', 'The connection was lost.');
    log.handleEnd(exchange({ failure, error: failure.code, status: 502 }));
    expect(lines.at(-1)).toMatchObject({ code: 'tunnel_lost', reference: failure.reference });
  });

  it('shows a query only if that is set, and masks secrets there', () => {
    const request = requestOf('/in?token=S3CR3Tvalue0123456789&page=2');
    open({ mode: 'all' }).handleEnd(exchange({}, request));
    open({ mode: 'all', withQuery: true }).handleEnd(exchange({}, request));
    expect(lines.map(({ path }) => path)).toEqual(['/in', '/in?token=***&page=2']);
  });

  it('names the visitor that a trusted proxy reports, and bounds the path', () => {
    const request = requestOf(`/${'a'.repeat(5000)}`, 'X-Forwarded-For: 198.51.100.9');
    open({ mode: 'all' }, ['192.0.2.7']).handleEnd(exchange({}, request));
    expect(lines[0]['peer']).toBe('198.51.100.9');
    expect(String(lines[0]['path']).length).toBeLessThan(1100);
  });

  it('logs malformed requests, which have no exchange, with their reference', () => {
    const failure = new RelayError('bad_request', 'The request is malformed.');
    open().handleRefusal(failure, '192.0.2.9');
    expect(lines).toMatchObject([{ code: 'bad_request', reference: failure.reference, peer: '192.0.2.9' }]);
  });
});
