/** A response as a client sees it, in terms that can be compared whatever carried it. */
import http from 'node:http';
import http2 from 'node:http2';

export type Reading =
  /** No response of the service: an error of the client or a response of the proxy itself. */
  | { readonly kind: 'refused'; readonly why: string }
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Relevant fields in their order: `name: value`. */
      readonly fields: readonly string[];
      readonly body: string;
      /** Whether the client knows that it has the whole response. */
      readonly isComplete: boolean;
      /** Interim responses, as `status` and their relevant fields. */
      readonly interims: readonly string[];
      readonly trailers: readonly string[];
    };

/** Longest reading, except from a service that keeps its connection open. */
const MAX_MS = 4000;

/** Fields whose meaning a proxy must not change. */
const MATTERS = /^(?:x-|content-type$|set-cookie$|link$)/;

/**
 * Requests with Node's HTTP/1.1 client, on a connection of its own. @param host host by which the relay finds a preview
 */
export function readHttp1(port: number, host: string, method: string, path: string): Promise<Reading> {
  return new Promise((resolve) => {
    const interims: string[] = [];
    const request = http.request({
      port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      headers: { host, connection: 'close' },
    });
    const timer = setTimeout(() => request.destroy(new Error('silent for too long')), MAX_MS);
    const finish = (reading: Reading): void => {
      clearTimeout(timer);
      request.destroy();
      resolve(reading);
    };
    request.on('error', (error: NodeJS.ErrnoException) =>
      finish({ kind: 'refused', why: error.code ?? error.message }),
    );
    request.on('upgrade', () => finish({ kind: 'refused', why: 'an upgrade' }));
    request.on('information', ({ statusCode, rawHeaders }) =>
      interims.push(interimOf(statusCode, pairs(rawHeaders))),
    );
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      const fields = pairs(response.rawHeaders);
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', () => {});
      response.on('close', () => {
        const refusal = refusalOf(fields);
        if (refusal !== null) {
          finish({ kind: 'refused', why: refusal });
          return;
        }
        finish({
          kind: 'answer',
          status: response.statusCode ?? 0,
          fields: mattering(fields),
          body: Buffer.concat(pieces).toString('latin1'),
          isComplete: response.complete,
          interims,
          trailers: mattering(pairs(response.rawTrailers)),
        });
      });
    });
    request.end();
  });
}

/** Requests with Node's HTTP/2 client, on a stream of `session`. */
export function readHttp2(
  session: http2.ClientHttp2Session,
  host: string,
  method: string,
  path: string,
): Promise<Reading> {
  return new Promise((resolve) => {
    const interims: string[] = [];
    const pieces: Buffer[] = [];
    let status = 0;
    let fields: (readonly [string, string])[] = [];
    let trailers: readonly string[] = [];
    let hasEnded = false;
    const stream = session.request(
      { ':method': method, ':path': path, ':authority': host },
      { endStream: true },
    );
    const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), MAX_MS);
    stream.on('error', () => {});
    stream.on('headers', (headers) => interims.push(interimOf(headers[':status'] ?? 0, entries(headers))));
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
      fields = entries(headers);
    });
    stream.on('trailers', (headers) => (trailers = mattering(entries(headers))));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => (hasEnded = true));
    stream.on('close', () => {
      clearTimeout(timer);
      const refusal = refusalOf(fields);
      if (status === 0 || refusal !== null) {
        resolve({ kind: 'refused', why: refusal ?? `no response, code ${stream.rstCode}` });
        return;
      }
      const body = Buffer.concat(pieces).toString('latin1');
      const isComplete = hasEnded && stream.rstCode === 0;
      resolve({ kind: 'answer', status, fields: mattering(fields), body, isComplete, interims, trailers });
    });
  });
}

/** Field that marks a response of nginx itself in this test. */
export const REFUSED_BY_NGINX = 'x-refused-by-nginx';

function refusalOf(fields: readonly (readonly [string, string])[]): string | null {
  const refusal = fields.find(([name]) => name === REFUSED_BY_NGINX || name === 'x-culvert-error');
  return refusal === undefined ? null : refusal[1];
}

function interimOf(status: number, fields: readonly (readonly [string, string])[]): string {
  return [status, ...mattering(fields)].join(' ');
}

/** Returns repeated fields as one list, as Node's HTTP/2 client does (RFC 9110 §5.3). */
function mattering(fields: readonly (readonly [string, string])[]): string[] {
  const lines = new Map<string, string>();
  for (const [name, value] of fields.filter(([each]) => MATTERS.test(each))) {
    const key = name === 'set-cookie' ? `${name}: ${value}` : name;
    const earlier = lines.get(key);
    lines.set(key, earlier === undefined || key !== name ? `${name}: ${value}` : `${earlier}, ${value}`);
  }
  return [...lines.values()];
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return Array.from(
    { length: raw.length / 2 },
    (_, i) => [raw[2 * i].toLowerCase(), raw[2 * i + 1]] as const,
  );
}

function entries(headers: http2.IncomingHttpHeaders): (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value ?? '']).map((one) => [name, one] as const),
  );
}

/** The readings of one response by all clients. */
export interface Readings {
  readonly nginx: Reading;
  readonly node: Reading;
  readonly relay: Reading;
  /** Reading over HTTP/2. */
  readonly relay2: Reading;
}
