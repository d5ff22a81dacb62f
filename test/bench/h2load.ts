import { ensureBinary } from '../services/binary.js';
import { runLoad } from './load-program.js';

export interface Http2Load {
  readonly port: number;
  /** The `:authority` of every request. */
  readonly host: string;
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly seconds: number;
  /** A file with the body of every request, which makes it a POST; absent: no body. */
  readonly body?: string;
  /** Further fields, each `name: value`. */
  readonly headers?: readonly string[];
}

/**
 * Runs h2load over TLS with one thread, and returns the number of requests that got a 2xx status.
 * @throws Error if a request failed
 */
export async function runH2load(load: Http2Load): Promise<{ readonly requests: number }> {
  const command = await ensureBinary({ names: ['h2load'], debianPackage: 'nghttp2-client' });
  const args = [
    '-t1',
    `-c${load.connections}`,
    `-m${load.streamsPerConnection}`,
    `-D${load.seconds}`,
    `--connect-to=127.0.0.1:${load.port}`,
    ...(load.body === undefined ? [] : ['-d', load.body]),
    ...(load.headers ?? []).flatMap((field) => ['-H', field]),
    `https://${load.host}/`,
  ];
  const { stdout } = await runLoad(command, args, load.seconds + 60);
  return { requests: succeeded(stdout) };
}

/** Reads h2load's summary. */
export function succeeded(summary: string): number {
  const protocol = /^Application protocol: (\S+)/m.exec(summary)?.[1];
  const codes = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(summary);
  const faults = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(summary);
  const others = [...(codes?.slice(2) ?? ['1']), ...(faults?.slice(1) ?? ['1'])].map(Number);
  const requests = Number(codes?.[1] ?? 0);
  if (protocol !== 'h2' || requests === 0 || others.some((count) => count > 0)) {
    throw new Error(`requests over HTTP/2 failed: ${summary}`);
  }
  return requests;
}
